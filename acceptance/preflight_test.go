//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// surroundings are what a run finds on a machine. The zero value has nothing.
type surroundings struct {
	pulumi, docker string // what stand-ins do, in the shell's language; "" for none
	refusal        string // the code of AWS's answer
	withoutKeys    bool
	withoutRegion  bool
	arguments      []string
}

const (
	goodPulumi = "echo v3.200.0"
	goodDocker = "exit 0"
	noDocker   = "echo Cannot connect to the Docker daemon >&2; exit 1"
)

// TestWhatIsMissingIsSaidFirst: before anything is made, in words that say what to do.
func TestWhatIsMissingIsSaidFirst(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		with surroundings
		want string
	}{
		"no Pulumi CLI": {surroundings{docker: goodDocker}, "the Pulumi CLI is not on the PATH, or too old"},
		"an old Pulumi CLI": {
			surroundings{pulumi: "echo v2.9.0", docker: goodDocker},
			"the Pulumi CLI is not on the PATH, or too old",
		},
		"no Docker": {surroundings{pulumi: goodPulumi}, "Docker does not answer (docker info)"},
		"Docker does not run": {
			surroundings{pulumi: goodPulumi, docker: noDocker}, "Cannot connect to the Docker daemon",
		},
		"removing needs no Docker": {
			surroundings{pulumi: goodPulumi, refusal: "ExpiredToken", arguments: []string{"--clean"}},
			"your credentials have expired",
		},
		"no credentials": {
			surroundings{pulumi: goodPulumi, docker: goodDocker, withoutKeys: true},
			"there are no credentials of AWS; " +
				"`aws configure`, or `aws sso login` and AWS_PROFILE, set them up",
		},
		"expired credentials": {
			surroundings{pulumi: goodPulumi, docker: goodDocker, refusal: "ExpiredToken"},
			"your credentials have expired; sign in again",
		},
		"credentials of nobody": {
			surroundings{pulumi: goodPulumi, docker: goodDocker, refusal: "InvalidClientTokenId"},
			"AWS does not know your credentials in us-west-2, or the account has not enabled that region",
		},
		"no region": {
			surroundings{pulumi: goodPulumi, docker: goodDocker, withoutRegion: true},
			"aws:region: not set; Pulumi.dev.yaml needs to name one",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, made := runIn(t, tc.with)
			assert.Contains(t, said, tc.want)
			assert.Empty(t, made)
		})
	}
}

// runIn is what the command says in such surroundings, and what it has made there.
func runIn(t *testing.T, s surroundings) (said string, made []string) {
	t.Helper()
	project, tools := projectOf(t, ".."), t.TempDir()
	for name, does := range map[string]string{"pulumi": s.pulumi, "docker": s.docker} {
		if does == "" {
			continue
		}
		text := fmt.Sprintf("#!/bin/sh\n[ $# -eq 1 ] || echo %s $* >>%s/calls\n%s\n", name, tools, does)
		require.NoError(t, os.WriteFile(filepath.Join(tools, name), []byte(text), 0o755))
	}
	if s.withoutRegion {
		file := filepath.Join(project, "Pulumi.dev.yaml")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		text = []byte(strings.Replace(string(text), "  aws:region: us-west-2\n", "", 1))
		require.NoError(t, os.WriteFile(file, text, 0o600))
	}
	binary, err := os.Executable()
	require.NoError(t, err)
	c := exec.CommandContext(t.Context(), binary, append([]string{"--yes"}, s.arguments...)...)
	c.Dir = project
	c.Env = []string{
		asCommand + "=1", "PATH=" + tools, "HOME=" + tools, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ENDPOINT_URL=" + refusing(t, s.refusal),
	}
	if !s.withoutKeys {
		c.Env = append(c.Env, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
	}
	text, err := c.CombinedOutput()
	require.Error(t, err, "%s", text)
	calls, _ := filepath.Glob(filepath.Join(tools, "calls"))
	made, err = filepath.Glob(filepath.Join(project, ".acceptance", "*", "*"))
	require.NoError(t, err)
	return string(text), append(made, calls...)
}

// refusing is the endpoint of an AWS that refuses all.
func refusing(t *testing.T, code string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>"+code+"</Code></Error></ErrorResponse>")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestWhyAWSDoesNotAnswer is said in words.
func TestWhyAWSDoesNotAnswer(t *testing.T) {
	t.Parallel()
	api := func(code string) error { return &smithy.GenericAPIError{Code: code} }
	for want, err := range map[string]error{
		"AWS cannot be reached in aws:region us-wst-2": fmt.Errorf("dialing: %w", &net.DNSError{}),
		"AWS does not answer in aws:region us-wst-2":   io.ErrUnexpectedEOF,
		"AWS does not take your credentials in":        api("AccessDenied"),
		"your credentials have expired":                api("ExpiredTokenException"),
		"has not enabled that region":                  api("SignatureDoesNotMatch"),
	} {
		assert.Contains(t, whyUnknown(err, "us-wst-2"), want)
	}
}
