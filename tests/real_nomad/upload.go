// Repeats uploads without a token, each on a connection of its own, and prints the result of each.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	url, authority, protocol := os.Args[1], os.Args[2], os.Args[3]
	tries, _ := strconv.Atoi(os.Args[4])
	pool := x509.NewCertPool()
	if pem, err := os.ReadFile(authority); err == nil {
		pool.AppendCertsFromPEM(pem)
	}
	for _, size := range os.Args[5:] {
		bytesToSend, _ := strconv.Atoi(size)
		for try := 0; try < tries; try++ {
			fmt.Println(size, upload(url, pool, protocol == "h2", bytesToSend))
		}
	}
}

func upload(url string, pool *x509.CertPool, isHTTP2 bool, size int) string {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: isHTTP2}
	if !isHTTP2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest("PUT", url, bytes.NewReader(make([]byte, size)))
	if err != nil {
		return err.Error()
	}
	client := http.Client{Transport: transport, Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	response.Body.Close()
	return strconv.Itoa(response.StatusCode)
}
