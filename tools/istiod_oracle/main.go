// The oracle: it asks istiod's own generator what a proxy does with a call.
//
// In: cases, one JSON object a line (protocol.go has their form). Out: one answer a line, in the same order. Each case
// is a mesh of its own: istiod's registries, Gateway API controller, ambient index and generators, in memory.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"istio.io/istio/pkg/config/schema/gatewayapi"
	"istio.io/istio/pkg/kube/krt"
	"istio.io/istio/pkg/log"
)

// A case that istiod does not finish within this time is answered with an error.
const limit = 60 * time.Second

func main() {
	// What cases leave behind is small, but there are thousands of them.
	debug.SetGCPercent(50)
	// istiod writes its log to standard output, where the answers go.
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	// istiod ignores kinds of the Gateway API whose definitions are too old; those of the test server have no version.
	clear(gatewayapi.MinimumCRDVersions)
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.More() {
		var asked caseIn
		if err := in.Decode(&asked); err != nil {
			fmt.Fprintln(os.Stderr, "not a case:", err)
			os.Exit(2)
		}
		start := time.Now()
		answer := answerOf(asked)
		answer.Seconds = time.Since(start).Seconds()
		if err := out.Encode(answer); err != nil {
			os.Exit(1)
		}
	}
}

// answerOf runs one case in a goroutine of its own: istiod's test server ends the goroutine that it fails in.
func answerOf(asked caseIn) caseOut {
	// istiod registers every collection here for its debug pages, and never forgets one.
	krt.GlobalDebugHandler = new(krt.DebugHandler)
	done := make(chan caseOut, 1)
	f := newFailer()
	go func() {
		answer := caseOut{ID: asked.ID}
		defer func() {
			if problem := recover(); problem != nil {
				answer = caseOut{ID: asked.ID, Error: fmt.Sprint("panic: ", problem), Stack: string(debug.Stack())}
			}
			if failed := f.failure(); failed != "" {
				answer.Error = failed
			}
			done <- answer
		}()
		run(f, asked, &answer)
	}()
	defer f.cleanUp()
	select {
	case answer := <-done:
		return answer
	case <-time.After(limit):
		return caseOut{ID: asked.ID, Error: "timeout"}
	}
}
