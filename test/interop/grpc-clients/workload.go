// A program that knows SPIFFE and nothing of ours: takes its identity from a Workload API, checks it as Go does, and speaks mutual
// TLS with itself by it. One line for each that is pushed, until so many have come.
package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
)

type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error) { return *(v.(*[]byte)), nil }
func (raw) Unmarshal(data []byte, v interface{}) error {
	*(v.(*[]byte)) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

func must(err error) {
	if err != nil {
		fmt.Println("ERROR", err)
		os.Exit(1)
	}
}

// The value of a field that has a length.
func field(message []byte, wanted protowire.Number) ([]byte, error) {
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return nil, protowire.ParseError(length)
		}
		message = message[length:]
		size := protowire.ConsumeFieldValue(number, kind, message)
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		if number == wanted && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message)
			return value, nil
		}
		message = message[size:]
	}
	return nil, fmt.Errorf("no field %d", wanted)
}

func identityIn(response []byte) (string, tls.Certificate, *x509.CertPool, error) {
	var pair tls.Certificate
	authorities := x509.NewCertPool()
	svid, err := field(response, 1)
	if err != nil {
		return "", pair, nil, err
	}
	parts := map[protowire.Number][]byte{}
	for number := protowire.Number(1); number <= 4; number++ {
		if parts[number], err = field(svid, number); err != nil {
			return "", pair, nil, err
		}
	}
	chain, err := x509.ParseCertificates(parts[2])
	if err != nil {
		return "", pair, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(parts[3])
	if err != nil {
		return "", pair, nil, err
	}
	bundle, err := x509.ParseCertificates(parts[4])
	if err != nil {
		return "", pair, nil, err
	}
	for _, authority := range bundle {
		authorities.AddCert(authority)
	}
	leaf := chain[0]
	if !key.(*ecdsa.PrivateKey).PublicKey.Equal(leaf.PublicKey) {
		return "", pair, nil, errors.New("the key is another's")
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != string(parts[1]) {
		return "", pair, nil, errors.New("the certificate says another ID")
	}
	for _, certificate := range chain {
		pair.Certificate = append(pair.Certificate, certificate.Raw)
	}
	pair.PrivateKey, pair.Leaf = key, leaf
	return string(parts[1]), pair, authorities, nil
}

func speakWithItself(pair tls.Certificate, authorities *x509.CertPool) error {
	verify := func(presented [][]byte, _ [][]*x509.Certificate) error {
		leaf, err := x509.ParseCertificate(presented[0])
		if err != nil {
			return err
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: authorities, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, ClientAuth: tls.RequireAnyClientCert, VerifyPeerCertificate: verify, MinVersion: tls.VersionTLS13}
	near, far := net.Pipe()
	go func() {
		server := tls.Server(far, config)
		server.Write([]byte("hello"))
		server.Close()
	}()
	heard := make([]byte, 5)
	if _, err := tls.Client(near, config).Read(heard); err != nil {
		return err
	}
	if !bytes.Equal(heard, []byte("hello")) {
		return errors.New("heard something else")
	}
	return nil
}

func main() {
	path := os.Args[1]
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", path) }
	connection, err := grpc.DialContext(ctx, "passthrough:///workload-api", grpc.WithInsecure(), grpc.WithContextDialer(dial), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	must(err)
	marked := metadata.AppendToOutgoingContext(ctx, "workload.spiffe.io", "true")
	stream, err := connection.NewStream(marked, &grpc.StreamDesc{ServerStreams: true}, "/SpiffeWorkloadAPI/FetchX509SVID")
	must(err)
	empty := []byte{}
	must(stream.SendMsg(&empty))
	must(stream.CloseSend())
	for ; count > 0; count-- {
		var response []byte
		must(stream.RecvMsg(&response))
		id, pair, authorities, err := identityIn(response)
		must(err)
		must(speakWithItself(pair, authorities))
		fmt.Printf("SVID %s %X\n", id, pair.Leaf.SerialNumber)
	}
}
