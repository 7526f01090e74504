// Command sandbox runs a stack of this project on the machine it runs on: the real
// program and the real Pulumi CLI, on an embedded model of AWS, with real workers.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := newInterrupts()
	if err := run(stop, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// interrupts are a person's wishes to stop: at the first, what runs may finish; at
// the second it is killed.
type interrupts struct {
	context.Context
	abandon chan struct{}
	signals chan os.Signal
}

func newInterrupts() interrupts {
	ctx, cancel := context.WithCancel(context.Background())
	i := interrupts{Context: ctx, abandon: make(chan struct{}), signals: make(chan os.Signal, 2)}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-i.signals
		cancel()
		<-i.signals
		close(i.abandon)
	}()
	return i
}

// interrupt is what Ctrl-C does where the terminal does not.
func (i interrupts) interrupt() {
	select {
	case i.signals <- os.Interrupt:
	default: // two are on their way already
	}
}
