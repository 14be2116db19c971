// The same as client.py, with the library that Go programs use: it may skip the name of the host, and then checks who is there
// by its SPIFFE ID alone.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io/ioutil"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error)      { return *(v.(*[]byte)), nil }
func (raw) Unmarshal(data []byte, v interface{}) error { *(v.(*[]byte)) = data; return nil }
func (raw) Name() string                               { return "proto" }

func fail(err error) {
	fmt.Println("ERROR", err)
	os.Exit(0)
}

func verifier(authorities *x509.CertPool) func([][]byte, [][]*x509.Certificate) error {
	return func(presented [][]byte, _ [][]*x509.Certificate) error {
		leaf, err := x509.ParseCertificate(presented[0])
		if err != nil {
			return err
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: authorities}); err != nil {
			return err
		}
		if len(leaf.URIs) != 1 || !strings.HasSuffix(leaf.URIs[0].String(), "/node/n1") {
			return errors.New("not node n1")
		}
		return nil
	}
}

func main() {
	address, authority, certificate, key, method := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	request, err := hex.DecodeString(os.Args[6])
	if err != nil {
		fail(err)
	}
	security := grpc.WithInsecure()
	if authority != "-" {
		pem, err := ioutil.ReadFile(authority)
		if err != nil {
			fail(err)
		}
		authorities := x509.NewCertPool()
		authorities.AppendCertsFromPEM(pem)
		config := &tls.Config{InsecureSkipVerify: true, VerifyPeerCertificate: verifier(authorities), MinVersion: tls.VersionTLS13}
		if certificate != "-" {
			pair, err := tls.LoadX509KeyPair(certificate, key)
			if err != nil {
				fail(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		security = grpc.WithTransportCredentials(credentials.NewTLS(config))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	connection, err := grpc.DialContext(ctx, address, security, grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	if err != nil {
		fail(err)
	}
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	var answer []byte
	if err == nil {
		_ = stream.SendMsg(&request)
		// Who has said all that it will ever say leaves a session.
		if !strings.HasSuffix(method, "/Session") {
			_ = stream.CloseSend()
		}
		err = stream.RecvMsg(&answer)
	}
	if err != nil {
		told, _ := status.FromError(err)
		fmt.Println(told.Code(), told.Message())
		return
	}
	fmt.Println(hex.EncodeToString(answer))
}
