// Sends a body of some size and prints the status of the response.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"strconv"
)

func main() {
	size, _ := strconv.Atoi(os.Args[3])
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: os.Args[1] == "2",
	}
	request, err := http.NewRequest("PUT", os.Args[2], bytes.NewReader(make([]byte, size)))
	if err == nil {
		var answer *http.Response
		if answer, err = (&http.Client{Transport: transport}).Do(request); err == nil {
			fmt.Println(answer.StatusCode)
			return
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
