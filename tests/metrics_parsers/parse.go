// Reads the metrics of a gateway as Prometheus does, in the format of the response.
package main

import (
	"fmt"
	"net/http"
	"os"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

var wanted = map[string]dto.MetricType{
	"nomad_gateway_requests_total":           dto.MetricType_COUNTER,
	"nomad_gateway_response_bytes_total":     dto.MetricType_COUNTER,
	"nomad_gateway_log_lines_lost_total":     dto.MetricType_COUNTER,
	"nomad_gateway_streams_open":             dto.MetricType_GAUGE,
	"nomad_gateway_build_info":               dto.MetricType_GAUGE,
	"nomad_gateway_request_duration_seconds": dto.MetricType_HISTOGRAM,
}

func main() {
	for _, accept := range []string{"", "*/*", "text/plain; version=0.0.4"} {
		if err := read(os.Args[1], accept); err != nil {
			fmt.Fprintf(os.Stderr, "Accept %q: %v\n", accept, err)
			os.Exit(1)
		}
	}
}

func read(url, accept string) error {
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return err
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if format := expfmt.ResponseFormat(answer.Header); format.FormatType() != expfmt.TypeTextPlain {
		return fmt.Errorf("the format is %q", format)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return err
	}
	for name, kind := range wanted {
		family, ok := families[name]
		if !ok {
			return fmt.Errorf("no %s", name)
		}
		if family.GetType() != kind {
			return fmt.Errorf("%s is a %v", name, family.GetType())
		}
	}
	fmt.Printf("Go, Accept %q: expfmt reads %d families\n", accept, len(families))
	return nil
}
