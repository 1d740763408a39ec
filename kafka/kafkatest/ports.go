package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from below the ranges out of which operating systems choose the
// ports of outgoing connections. Otherwise a client that tries to reach a broker
// that is down may get the broker's port for itself, and connect to itself.
const (
	firstPort = 20000
	lastPort  = 29999
)

// freePorts returns ports of 127.0.0.1 on which nobody listens.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for attempts := 0; len(ports) < n; attempts++ {
		if attempts == 1000 {
			return nil, fmt.Errorf("kafkatest: no free ports between %d and %d", firstPort, lastPort)
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer l.Close() // held until all are found, so that no port comes twice
		ports = append(ports, port)
	}
	return ports, nil
}
