package awsapi

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"fargate-queue-worker/sandbox/cloud"
)

// do carries out an action.
func (s *Server) do(ctx context.Context, action string, body []byte, fault Fault) (any, error) {
	if action == "ReceiveMessage" {
		var request receiveRequest
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, err
		}
		messages, err := s.receive(ctx, request)
		if err != nil {
			return nil, err
		}
		return request.answer(messages), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.servePolls()
	s.account.MoveMessages(s.now())
	c := call{account: s.account, now: s.now(), body: body, failEntries: fault.FailEntries}
	perform, ok := actions[action]
	if !ok {
		return nil, &cloud.Error{Code: "UnsupportedOperation", Message: "the sandbox does not do " + action}
	}
	return perform(c)
}

// call is a request under the lock.
type call struct {
	account     *cloud.Account
	now         time.Time
	body        []byte
	failEntries bool
}

var actions = map[string]func(call) (any, error){
	"SendMessage":                  call.sendMessage,
	"SendMessageBatch":             call.sendMessageBatch,
	"DeleteMessage":                call.deleteMessage,
	"DeleteMessageBatch":           call.deleteMessageBatch,
	"ChangeMessageVisibility":      call.changeVisibility,
	"ChangeMessageVisibilityBatch": call.changeVisibilityBatch,
	"CreateQueue":                  call.createQueue,
	"DeleteQueue":                  call.deleteQueue,
	"GetQueueAttributes":           call.getQueueAttributes,
	"SetQueueAttributes":           call.setQueueAttributes,
	"GetQueueUrl":                  call.getQueueURL,
	"ListQueues":                   call.listQueues,
	"PurgeQueue":                   call.purgeQueue,
	"TagQueue":                     call.tagQueue,
	"UntagQueue":                   call.untagQueue,
	"ListQueueTags":                call.listQueueTags,
	"ListDeadLetterSourceQueues":   call.listDeadLetterSourceQueues,
	"StartMessageMoveTask":         call.startMessageMoveTask,
	"ListMessageMoveTasks":         call.listMessageMoveTasks,
	"CancelMessageMoveTask":        call.cancelMessageMoveTask,
}

// mailbox reads the request and finds the queue it names.
func (c call) mailbox(request any, queueURL *string) (*cloud.Mailbox, error) {
	if err := json.Unmarshal(c.body, request); err != nil {
		return nil, err
	}
	return findMailbox(c.account, *queueURL)
}

// findMailbox goes by the last part of the URL, so that a client may use another
// host than AWS's.
func findMailbox(a *cloud.Account, queueURL string) (*cloud.Mailbox, error) {
	return a.Mailbox(a.QueueURL(queueURL[strings.LastIndex(queueURL, "/")+1:]))
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
