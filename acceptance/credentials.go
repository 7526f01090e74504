package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// identify says whose credentials there are.
func identify(ctx context.Context, region string) (cfg aws.Config, account string, err error) {
	cfg, err = config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return aws.Config{}, "", fmt.Errorf("configuring the AWS SDK: %w", err)
	}
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = &endpoint // the clients keep its host
	}
	const patience = 30 * time.Second // the SDK looks for credentials in many places
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(limited); err != nil {
		return aws.Config{}, "", fmt.Errorf("there are no credentials of AWS; `aws configure`, or"+
			" `aws sso login` and AWS_PROFILE, set them up: %w", err)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(limited, &sts.GetCallerIdentityInput{})
	if err != nil {
		return aws.Config{}, "", fmt.Errorf("%s (aws sts get-caller-identity): %w",
			whyUnknown(err, region), err)
	}
	return cfg, aws.ToString(who.Account), nil
}

// whyUnknown says in words why AWS does not say who somebody is.
func whyUnknown(err error, region string) string {
	var refusal smithy.APIError
	var noHost *net.DNSError
	switch {
	case errors.As(err, &noHost):
		return fmt.Sprintf("AWS cannot be reached in aws:region %s: is it the name of a region?", region)
	case !errors.As(err, &refusal):
		return "AWS does not answer in aws:region " + region
	}
	switch refusal.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "your credentials have expired; sign in again, such as by aws sso login"
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch":
		return fmt.Sprintf("AWS does not know your credentials in %s, or the account has not enabled that"+
			" region", region)
	}
	return "AWS does not take your credentials in " + region
}
