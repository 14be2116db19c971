// A node of HashiCorp's memberlist, for tests: says who is alive whenever that changes, and leaves when its input ends.
// With -lzw it compresses instead: each line of hex becomes a line of hex.
package main

import (
	"bufio"
	"bytes"
	"compress/lzw"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"log"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

func main() {
	name := flag.String("name", "", "name of this node")
	bind := flag.String("bind", "127.0.0.1", "IP address")
	port := flag.Int("port", 7946, "UDP and TCP")
	join := flag.String("join", "", "address of a node to join")
	key := flag.String("key", "", "base64")
	label := flag.String("label", "", "of the mesh; from memberlist 0.3 on")
	protocol := flag.Int("protocol", int(memberlist.ProtocolVersion2Compatible), "version to speak")
	plain := flag.Bool("uncompressed", false, "do not compress")
	serf := flag.Bool("serf", false, "say that it is one of Serf's agents")
	onlyLzw := flag.Bool("lzw", false, "compress lines of hex")
	flag.Parse()
	if *onlyLzw {
		compressLines()
		return
	}

	config := memberlist.DefaultLocalConfig()
	config.Name, config.BindAddr, config.BindPort, config.AdvertisePort = *name, *bind, *port, *port
	config.ProtocolVersion = uint8(*protocol)
	config.EnableCompression = !*plain
	if *serf {
		config.DelegateProtocolMin, config.DelegateProtocolMax, config.DelegateProtocolVersion = 2, 5, 5
	}
	config.Logger = log.New(os.Stderr, "", 0)
	if *key != "" {
		secret, err := base64.StdEncoding.DecodeString(*key)
		if err != nil {
			log.Fatal(err)
		}
		config.SecretKey = secret
	}
	if *label != "" {
		// Older releases have no such field, and are built from this source too.
		field := reflect.ValueOf(config).Elem().FieldByName("Label")
		if !field.IsValid() {
			log.Fatal("this memberlist knows no labels")
		}
		field.SetString(*label)
	}
	list, err := memberlist.Create(config)
	if err != nil {
		log.Fatal(err)
	}
	if *join != "" {
		if _, err := list.Join([]string{*join}); err != nil {
			fmt.Println("NOT JOINED", err)
		}
	}
	go tell(list)
	bufio.NewReader(os.Stdin).ReadString('\n')
	list.Leave(5 * time.Second)
	list.Shutdown()
}

func tell(list *memberlist.Memberlist) {
	said := ""
	for ; ; time.Sleep(50 * time.Millisecond) {
		names := []string{}
		for _, node := range list.Members() {
			names = append(names, node.Name)
		}
		sort.Strings(names)
		if now := strings.Join(names, ","); now != said {
			said = now
			fmt.Println("ALIVE", now)
		}
	}
}

func compressLines() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		given, err := hex.DecodeString(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		var out bytes.Buffer
		writer := lzw.NewWriter(&out, lzw.LSB, 8)
		writer.Write(given)
		writer.Close()
		fmt.Println(hex.EncodeToString(out.Bytes()))
	}
}
