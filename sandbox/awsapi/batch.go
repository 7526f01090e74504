package awsapi

import (
	"cmp"
	"errors"

	"fargate-queue-worker/sandbox/cloud"
)

// batchResult is the answer to a batch: what was done and what failed, by entry.
type batchResult struct {
	Successful []any         `json:",omitempty"`
	Failed     []failedEntry `json:",omitempty"`
}

type failedEntry struct {
	Id, Code, Message string
	SenderFault       bool
}

// batch carries out entries, each of which has an id of its own, and fails or
// succeeds for itself.
func batch(c call, entries int, entry func(i int) (id string, do func() (any, error))) (any, error) {
	ids := make([]string, entries)
	for i := range entries {
		ids[i], _ = entry(i)
	}
	if err := cloud.CheckBatch(ids); err != nil {
		return nil, err
	}
	var result batchResult
	for i := range entries {
		id, do := entry(i)
		if c.failEntries && i%2 == 1 {
			result.Failed = append(result.Failed,
				failedEntry{Id: id, Code: "InternalError", Message: "as asked"})
			continue
		}
		done, err := do()
		if err != nil {
			result.Failed = append(result.Failed, failed(id, err))
			continue
		}
		result.Successful = append(result.Successful, done)
	}
	return result, nil
}

func failed(id string, err error) failedEntry {
	var refusal *cloud.Error
	if errors.As(err, &refusal) {
		code := cmp.Or(refusal.EntryCode, refusal.Code)
		return failedEntry{Id: id, Code: code, Message: refusal.Message, SenderFault: true}
	}
	return failedEntry{Id: id, Code: "InternalError", Message: err.Error()}
}
