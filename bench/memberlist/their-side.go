// Meshes of HashiCorp's memberlist, one after another in one process: one side of `npm run bench:memberlist`. Each line
// of input is an order, each line of output something that happened, with its time; the bench judges. Ends when its input does.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const leaveTimeout = 5 * time.Second

var begin = time.Now()
var output sync.Mutex

// Counts meshes. What is left of an earlier one is not heard: its timers outlive it.
var current int32

func tell(what, at, about string) {
	output.Lock()
	defer output.Unlock()
	ms := float64(time.Since(begin).Microseconds()) / 1000
	fmt.Printf("{\"ms\":%.3f,\"what\":%q,\"at\":%q,\"about\":%q}\n", ms, what, at, about)
}

// What a node is told of the others. Its log alone says which suspicions and deaths are its own conclusions.
type observer struct {
	name string
	mesh int32
}

func (o observer) NotifyJoin(node *memberlist.Node)   { o.tell("alive", node.Name) }
func (o observer) NotifyLeave(node *memberlist.Node)  { o.tell("gone", node.Name) }
func (o observer) NotifyUpdate(node *memberlist.Node) {}

var accusation = regexp.MustCompile(`Suspect (\S+) has failed, no acks received`)
var verdict = regexp.MustCompile(`Marking (\S+) as failed, suspect timeout reached`)

func (o observer) Write(line []byte) (int, error) {
	if found := accusation.FindSubmatch(line); found != nil {
		o.tell("accused", string(found[1]))
	}
	if found := verdict.FindSubmatch(line); found != nil {
		o.tell("condemned", string(found[1]))
	}
	return len(line), nil
}

func (o observer) tell(what, about string) {
	if o.mesh == atomic.LoadInt32(&current) {
		tell(what, o.name, about)
	}
}

func profile(name string) *memberlist.Config {
	switch name {
	case "lan":
		return memberlist.DefaultLANConfig()
	case "wan":
		return memberlist.DefaultWANConfig()
	case "local":
		return memberlist.DefaultLocalConfig()
	}
	log.Fatalf("no such profile: %s", name)
	return nil
}

func main() {
	nodes := flag.Int("nodes", 16, "how many")
	network := flag.String("network", "127.0.63", "first three bytes of all addresses")
	port := flag.Int("port", 17946, "UDP and TCP")
	profileName := flag.String("profile", "lan", "lan, wan or local")
	flag.Parse()

	mesh := map[string]*memberlist.Memberlist{}
	begin := func() {
		atomic.AddInt32(&current, 1)
		for _, list := range mesh {
			list.Shutdown()
		}
		for i := 1; i <= *nodes; i++ {
			config := profile(*profileName)
			config.Name = fmt.Sprintf("n%d", i)
			config.BindAddr, config.BindPort, config.AdvertisePort = fmt.Sprintf("%s.%d", *network, i), *port, *port
			each := observer{config.Name, current}
			config.Events = each
			config.Logger = log.New(each, "", 0)
			list, err := memberlist.Create(config)
			if err != nil {
				log.Fatal(err)
			}
			mesh[config.Name] = list
		}
		tell("ready", "", "")
	}

	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		order := strings.Fields(orders.Text())
		switch order[0] {
		case "begin":
			begin()
		case "join":
			tell("join", "", "")
			seed := fmt.Sprintf("%s.1:%d", *network, *port)
			for name, list := range mesh {
				if name != "n1" {
					go list.Join([]string{seed})
				}
			}
		case "leave":
			tell("leave", "", order[1])
			go func(leaver *memberlist.Memberlist) {
				leaver.Leave(leaveTimeout)
				leaver.Shutdown()
			}(mesh[order[1]])
		case "kill":
			tell("kill", "", order[1])
			mesh[order[1]].Shutdown()
		}
	}
}
