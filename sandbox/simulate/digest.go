package simulate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// digest of what a workload does, not of what it is called.
func (w *Workload) digest() string {
	what := *w
	what.Name, what.Description, what.Trace = "", "", nil
	hash := sha256.New()
	if err := json.NewEncoder(hash).Encode(what); err != nil {
		panic(fmt.Errorf("workload %s: %w", w.Name, err)) // it is made of numbers and text
	}
	var line []byte
	for _, job := range w.Trace {
		line = binary.AppendVarint(line[:0], int64(job.At))
		line = binary.AppendVarint(line, int64(job.Group))
		line = binary.AppendVarint(line, int64(job.Work))
		hash.Write(line)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// NameApart gives workloads of one name different ones: the second becomes "name (2)".
func NameApart(all []*Workload) {
	times := map[string]int{}
	for _, w := range all {
		if times[w.Name]++; times[w.Name] > 1 {
			w.Name = fmt.Sprintf("%s (%d)", w.Name, times[w.Name])
		}
	}
}
