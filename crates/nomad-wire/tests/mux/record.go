// Records what Go's ServeMux, with the patterns of a Nomad server, makes of many spellings of a path:
//
//	go run record.go > spellings.tsv
//
// A line is the path as it is sent, then what becomes of it: the pattern and the decoded path that its handler
// reads (escaped once), "307" and the place that the caller is sent to, or "400".
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
)

var patterns = strings.Fields(`
/v1/jobs /v1/jobs/parse /v1/job/ /v1/nodes /v1/node/ /v1/node/pools /v1/node/pool/ /v1/allocations /v1/allocation/
/v1/evaluations /v1/evaluation/ /v1/deployments /v1/deployment/ /v1/volumes /v1/volume/csi/ /v1/plugins /v1/plugin/csi/
/v1/volume/host/ /v1/volumes/claim/ /v1/acl/policies /v1/acl/policy/ /v1/acl/tokens /v1/acl/token /v1/acl/token/
/v1/acl/role /v1/acl/role/ /v1/acl/auth-method /v1/acl/auth-method/ /v1/acl/binding-rule /v1/acl/binding-rule/
/v1/client/fs/ /v1/client/gc /v1/client/stats /v1/client/allocation/ /v1/client/metadata /v1/client/identity
/v1/client/identity/renew /v1/agent/self /v1/agent/join /v1/agent/members /v1/agent/force-leave /v1/agent/servers
/v1/agent/schedulers /v1/agent/schedulers/config /v1/agent/keyring/ /v1/agent/health /v1/agent/host /v1/agent/reload
/v1/services /v1/service/ /v1/agent/monitor /v1/agent/monitor/export /v1/agent/pprof/ /v1/metrics
/v1/scaling/policies /v1/scaling/policy/ /v1/operator/raft/ /v1/operator/keyring/ /v1/operator/upgrade-check/
/v1/event/stream /v1/namespaces /v1/namespace /v1/namespace/ /v1/vars /v1/var/ /ui/ / /debug/pprof/
/debug/pprof/cmdline`)

var bases = strings.Fields(`
/v1/job/team/web /v1/job/a/summary /v1/var/nomad/jobs/x /v1/node/n1/jobs /v1/metrics /debug/pprof/heap /debug/pprof
/v1/event/stream /v1/agent/self /v1/agent/join /v1/agent/monitor/export /v1/agent/pprof/goroutine /v1/agent/pprof
/v1/agent/keyring/list /v1/client/stats /v1/client/identity/renew /v1/client/fs/ls/id /v1/client/fs
/v1/client/allocation/id/stats /v1/acl/token /v1/namespace/x /v1/job /ui`)

// Every mutation of one slash, one letter, one segment.
func spellings(base string) []string {
	out := []string{base, base + "/", base + "//", base + "/.", base + "/..", base + "/%2e", base + "/%2E%2e",
		base + "%2F", base + "%2f%2F", base + "%00", base + "%", base + "%zz", "/." + base, "/.." + base, "/x/.." + base,
		"/x%2F.." + base, "/%2e%2e" + base, "/" + base, "/%2F" + base[1:], "/%2F" + base, base + "/%E9", base + "/caf%C3%A9",
		base + "/a%252Fb", base + ";x=1", base + "/a%20b+c", base + "/!$&'()*+,;=:@~", base + "/[a]", base + "/{a}%2F%2Fb",
		base + "|b", base + "%7Cb", base + "//a%2Fb", base + "/./%20|", base + "/..%2f../x", base + "/%2F../../x"}
	for at := 1; at < len(base); at++ {
		if base[at] == '/' {
			for _, mark := range []string{"%2F", "%2f", "//", "/./", "/../", "/%2e/", "/%2E%2E/", "/%2F/", "%2F%2F", "%2F..%2F", "/x/../"} {
				out = append(out, base[:at]+mark+base[at+1:])
			}
		}
	}
	letter := strings.LastIndexByte(base, '/') + 1
	if letter < len(base) {
		out = append(out, fmt.Sprintf("%s%%%02X%s", base[:letter], base[letter], base[letter+1:]))
	}
	return append(out, fmt.Sprintf("/%%%02x%s", base[1], base[2:]))
}

func main() {
	mux := http.NewServeMux()
	for _, pattern := range patterns {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s\t%s", pattern, url.PathEscape(r.URL.Path))
		})
	}
	seen := map[string]bool{}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, base := range bases {
		for _, path := range spellings(base) {
			if seen[path] {
				continue
			}
			seen[path] = true
			head := "GET " + path + "?q=%2F HTTP/1.1\r\nHost: x\r\n\r\n"
			request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
			if err != nil {
				fmt.Fprintf(out, "%s\t400\n", path)
				continue
			}
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, request)
			if answer.Code == http.StatusTemporaryRedirect {
				fmt.Fprintf(out, "%s\t307\t%s\n", path, answer.Header().Get("Location"))
			} else {
				fmt.Fprintf(out, "%s\t%s\n", path, answer.Body)
			}
		}
	}
}
