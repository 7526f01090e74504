package simulate

// Requests are those to SQS, by what they ask for. Each is charged alike; one with
// more than 64 KiB would count several times, which is not known of a workload.
// Source: SQS pricing page.
type Requests struct {
	Sends             int `json:"sends"`
	Receives          int `json:"receives"`       // that got something
	EmptyReceives     int `json:"empty_receives"` // that got nothing
	Deletes           int `json:"deletes"`
	VisibilityChanges int `json:"visibility_changes"`
}

// Send counts a request that sends.
func (r *Requests) Send() { r.Sends++ }

// receive counts one that receives messages.
func (r *Requests) receive() { r.Receives++ }

// receiveNothing counts requests that receive nothing.
func (r *Requests) receiveNothing(n int) { r.EmptyReceives += n }

// Delete counts one that deletes.
func (r *Requests) Delete() { r.Deletes++ }

// changeVisibility counts requests that extend a lease or hand a message back.
func (r *Requests) changeVisibility(n int) { r.VisibilityChanges += n }

// total of the requests.
func (r *Requests) total() int {
	return r.Sends + r.Receives + r.EmptyReceives + r.Deletes + r.VisibilityChanges
}
