package cloud

import (
	"strconv"
	"testing"
	"time"
)

// BenchmarkSendReceiveDelete is a message's life, as the simulator has it.
func BenchmarkSendReceiveDelete(b *testing.B) {
	a := NewAccount("us-west-1")
	q, err := a.CreateQueue(Queue{Name: "jobs.fifo", FIFO: true})
	if err != nil {
		b.Fatal(err)
	}
	box, _ := a.Mailbox(q.URL)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b.Run("send", func(b *testing.B) {
		for i := range b.N {
			now = now.Add(time.Second)
			if _, err := box.Send(now, Message{GroupID: strconv.Itoa(i % 100),
				DeduplicationID: strconv.Itoa(i), Body: "job"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	box.Purge()
	b.Run("send, receive, delete", func(b *testing.B) {
		for i := range b.N {
			now = now.Add(time.Second)
			if _, err := box.Send(now, Message{GroupID: strconv.Itoa(i % 100), DeduplicationID: "x" +
				strconv.Itoa(i), Body: "job"}); err != nil {
				b.Fatal(err)
			}
			for _, m := range box.Receive(now, 10, 12*time.Hour, "", nil) {
				if err := box.Delete(now, m.ReceiptHandle); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
