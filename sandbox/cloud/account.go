// Package cloud is a deterministic model of the parts of AWS that a queue worker
// lives on. It knows neither Pulumi nor HTTP nor the wall clock.
package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// AccountID is the account of every sandbox.
	AccountID = "123456789012"
	// Partition is the part of AWS that the account belongs to.
	Partition = "aws"
)

// Account is an AWS account in one region. It is not safe for concurrent use.
type Account struct {
	Region       string                 `json:"region"`
	Queues       map[string]*Queue      `json:"queues"`       // by URL
	Roles        map[string]*Role       `json:"roles"`        // by name
	RolePolicies map[string]*RolePolicy `json:"rolePolicies"` // by role:name
	// by role/policy ARN
	RolePolicyAttachments map[string]*RolePolicyAttachment `json:"rolePolicyAttachments"`
	EventRules            map[string]*EventRule            `json:"eventRules"`     // by name
	LogGroups             map[string]*LogGroup             `json:"logGroups"`      // by name
	SecurityGroups        map[string]*SecurityGroup        `json:"securityGroups"` // by id
	Clusters              map[string]*Cluster              `json:"clusters"`       // by name
	// by cluster name
	CapacityProviders map[string]*ClusterCapacityProviders `json:"capacityProviders"`
	TaskDefinitions   map[string]*TaskDefinition           `json:"taskDefinitions"` // by ARN
	Services          map[string]*Service                  `json:"services"`        // by ARN
	// by resource id
	Targets       map[string]*ScalableTarget `json:"targets"`
	Policies      map[string]*ScalingPolicy  `json:"policies"`      // by ARN
	Alarms        map[string]*Alarm          `json:"alarms"`        // by name
	Dashboards    map[string]*Dashboard      `json:"dashboards"`    // by name
	Repositories  map[string]*Repository     `json:"repositories"`  // by name
	Schedules     map[string]*Schedule       `json:"schedules"`     // by name
	StateMachines map[string]*StateMachine   `json:"stateMachines"` // by ARN
	VPCs          map[string]*VPC            `json:"vpcs"`          // by id
	// packaged components made, by type and name
	Components map[string]bool `json:"components"`
	// newest of each task definition family
	Revisions map[string]int `json:"revisions"`
	// of the last id given out
	Serial int `json:"serial"`

	mailboxes map[string]*Mailbox // by queue URL
	ids       *messageIDs
	moves     []*MessageMoveTask // in the order they were started
}

// NewAccount is an account with nothing in it.
func NewAccount(region string) *Account {
	a := &Account{Region: region}
	a.makeMaps()
	return a
}

func (a *Account) makeMaps() {
	makeMap(&a.Queues)
	makeMap(&a.Roles)
	makeMap(&a.RolePolicies)
	makeMap(&a.RolePolicyAttachments)
	makeMap(&a.EventRules)
	makeMap(&a.LogGroups)
	makeMap(&a.SecurityGroups)
	makeMap(&a.Clusters)
	makeMap(&a.CapacityProviders)
	makeMap(&a.TaskDefinitions)
	makeMap(&a.Services)
	makeMap(&a.Targets)
	makeMap(&a.Policies)
	makeMap(&a.Alarms)
	makeMap(&a.Dashboards)
	makeMap(&a.Repositories)
	makeMap(&a.Schedules)
	makeMap(&a.StateMachines)
	makeMap(&a.VPCs)
	makeMap(&a.Components)
	makeMap(&a.Revisions)
}

func makeMap[V any](m *map[string]V) {
	if *m == nil {
		*m = map[string]V{}
	}
}

// LoadAccount reads an account from a file, or makes a new one if there is no file.
func LoadAccount(file, region string) (*Account, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return NewAccount(region), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sandbox's account: %w", err)
	}
	a := &Account{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("reading the sandbox's account %s (delete it to start anew): %w", file, err)
	}
	a.makeMaps()
	return a, nil
}

// Save writes the account to a file, whole or not at all.
func (a *Account) Save(file string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the sandbox's account: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("writing the sandbox's account: %w", err)
	}
	whole := file + ".new"
	if err := os.WriteFile(whole, text, 0o600); err != nil {
		return fmt.Errorf("writing the sandbox's account: %w", err)
	}
	return os.Rename(whole, file)
}

// ARN names a resource of the account.
func (a *Account) ARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", Partition, service, a.Region, AccountID, resource)
}

// NewID is an id like those AWS makes up, such as sg-00000000000000001.
func (a *Account) NewID(prefix string) string {
	a.Serial++
	return fmt.Sprintf("%s%017x", prefix, a.Serial)
}

// globalARN names a resource of a service without regions.
func globalARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", Partition, service, AccountID, resource)
}

// Error is a refusal, with the code that AWS gives it.
type Error struct {
	Code    string
	Message string
	// EntryCode is the code of a batch's entry that is refused for the same reason, if
	// it is another.
	EntryCode string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// remove deletes an entry; what is gone already is not an error, as in AWS.
func remove[V any](m map[string]V, key string) error {
	delete(m, key)
	return nil
}
