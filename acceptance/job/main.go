// Command job is the handler of the acceptance stack: it works as long as a message asks, and exits with
// the code that it asks for.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

func main() {
	var asked struct {
		Seconds float64
		Exit    int
	}
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, "the message is not a job:", err)
		os.Exit(65) // never to be tried again
	}
	time.Sleep(time.Duration(asked.Seconds * float64(time.Second)))
	os.Exit(asked.Exit)
}
