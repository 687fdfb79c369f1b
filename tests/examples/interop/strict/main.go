// Holds a request's body against OTLP's own definition: each key must be one that an ExportTraceServiceRequest has, of
// the right type. Bodies come on standard input, a JSON array of them. (A collector ignores what it does not know.)
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"

	trace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// inBase64 rewrites ids, which OTLP's JSON has in hexadecimal where protobuf's own has base64.
func inBase64(value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			inBase64(item)
		}
	case map[string]any:
		for key, item := range value {
			text, isText := item.(string)
			if isText && (key == "traceId" || key == "spanId" || key == "parentSpanId") {
				id, err := hex.DecodeString(text)
				if err != nil {
					log.Fatalf("%s %q is not hexadecimal", key, text)
				}
				value[key] = base64.StdEncoding.EncodeToString(id)
			}
			if _, isNumber := item.(float64); key == "kind" && !isNumber {
				log.Fatalf("kind is %v; enums must be numbers", item)
			}
			inBase64(item)
		}
	}
}

func main() {
	log.SetFlags(0)
	var bodies []any
	if err := json.NewDecoder(os.Stdin).Decode(&bodies); err != nil {
		log.Fatal(err)
	}
	for _, body := range bodies {
		inBase64(body)
		text, err := json.Marshal(body)
		if err != nil {
			log.Fatal(err)
		}
		request := trace.ExportTraceServiceRequest{}
		if err := protojson.Unmarshal(text, &request); err != nil {
			log.Fatal(err)
		}
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					if len(span.TraceId) != 16 || len(span.SpanId) != 8 {
						log.Fatalf("span %q: ids of %d and %d bytes", span.Name, len(span.TraceId), len(span.SpanId))
					}
				}
			}
		}
	}
	fmt.Printf("%d requests are ExportTraceServiceRequests to the letter\n", len(bodies))
}
