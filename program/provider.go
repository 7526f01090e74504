package program

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// providerConfig is what is handed on to the explicit provider. What has a secret in it is left
// out: credentials come from the environment.
type providerConfig struct {
	Region                    string
	Profile                   string
	DefaultTags               map[string]string
	IgnoreTags                ignoreTags
	AllowedAccountIDs         []string
	ForbiddenAccountIDs       []string
	AssumeRole                *assumeRole
	SharedConfigFiles         []string
	SharedCredentialsFiles    []string
	Endpoints                 map[string]string
	CustomCABundle            string
	HTTPProxy, HTTPSProxy     string
	NoProxy                   string
	RetryMode                 string
	MaxRetries                int
	STSRegion                 string
	SkipCredentialsValidation bool
	SkipMetadataAPICheck      bool
	SkipRequestingAccountID   bool
}

// ignoreTags are tags that others put on resources, and that are not drift.
type ignoreTags struct {
	Keys        []string `json:"keys"`
	KeyPrefixes []string `json:"keyPrefixes"`
}

// assumeRole is the way into another account.
type assumeRole struct {
	RoleARN           string            `json:"roleArn"`
	SessionName       string            `json:"sessionName"`
	ExternalID        string            `json:"externalId"`
	Duration          string            `json:"duration"`
	Policy            string            `json:"policy"`
	PolicyARNs        []string          `json:"policyArns"`
	SourceIdentity    string            `json:"sourceIdentity"`
	Tags              map[string]string `json:"tags"`
	TransitiveTagKeys []string          `json:"transitiveTagKeys"`
}

func (r *configReader) aws() providerConfig {
	var defaultTags struct {
		Tags map[string]string `json:"tags"`
	}
	r.object("aws:defaultTags", &defaultTags, "of the form {tags: {name: value}}")
	c := providerConfig{
		Region:                    r.string("aws:region"),
		Profile:                   r.string("aws:profile"),
		DefaultTags:               defaultTags.Tags,
		AllowedAccountIDs:         r.strings("aws:allowedAccountIds"),
		ForbiddenAccountIDs:       r.strings("aws:forbiddenAccountIds"),
		SharedConfigFiles:         r.strings("aws:sharedConfigFiles"),
		SharedCredentialsFiles:    r.strings("aws:sharedCredentialsFiles"),
		CustomCABundle:            r.string("aws:customCaBundle"),
		HTTPProxy:                 r.string("aws:httpProxy"),
		HTTPSProxy:                r.string("aws:httpsProxy"),
		NoProxy:                   r.string("aws:noProxy"),
		RetryMode:                 r.string("aws:retryMode"),
		MaxRetries:                r.int("aws:maxRetries"),
		STSRegion:                 r.string("aws:stsRegion"),
		SkipCredentialsValidation: r.bool("aws:skipCredentialsValidation"),
		SkipMetadataAPICheck:      r.bool("aws:skipMetadataApiCheck"),
		SkipRequestingAccountID:   r.bool("aws:skipRequestingAccountId"),
		Endpoints:                 r.endpoints(),
	}
	r.object("aws:ignoreTags", &c.IgnoreTags, "of the form {keys: [name], keyPrefixes: [start]}")
	r.object("aws:assumeRole", &c.AssumeRole, "of the form {roleArn, sessionName, externalId, duration, ...}")
	return c
}

// endpoints reads a list of maps, as the provider has it, of services and their URLs.
func (r *configReader) endpoints() map[string]string {
	var list []map[string]string
	r.object("aws:endpoints", &list, "a list of a service and its URL, such as [{sqs: https://...}]")
	all := map[string]string{}
	for _, one := range list {
		for service, url := range one {
			if _, known := endpointField(service); !known {
				r.found.Add("aws:endpoints", service,
					"is not a service of the AWS provider; write it as the provider does, such as sqs")
			}
			all[service] = url
		}
	}
	return all
}

// checkAWS has the rules of what is handed on.
func (r *configReader) checkAWS(c providerConfig) {
	if !regionName.MatchString(c.Region) {
		r.found.Add("aws:region", c.Region, "needs to be an AWS region, such as eu-west-1")
	}
	for key, ids := range map[string][]string{"aws:allowedAccountIds": c.AllowedAccountIDs,
		"aws:forbiddenAccountIds": c.ForbiddenAccountIDs} {
		for _, id := range ids {
			if !accountID.MatchString(id) {
				r.found.Add(key, id, "needs to be an AWS account id of 12 digits, quoted")
			}
		}
	}
	if c.AssumeRole != nil && !roleARN.MatchString(c.AssumeRole.RoleARN) {
		r.found.Add("aws:assumeRole", c.AssumeRole.RoleARN,
			"needs a roleArn, such as arn:aws:iam::123456789012:role/deploy")
	}
	if !slices.Contains([]string{"", "standard", "adaptive"}, c.RetryMode) {
		r.found.Add("aws:retryMode", c.RetryMode, "needs to be standard or adaptive")
	}
}

// newProvider makes the one AWS provider of the stack, for awsx's children too.
// Left to default providers, awsx would bring a second one of its own version; an
// explicit one ignores the stack's aws:* configuration, so that is handed on.
func newProvider(ctx *pulumi.Context, c providerConfig) (*aws.Provider, error) {
	provider, err := aws.NewProvider(ctx, "aws", c.args())
	if err != nil {
		return nil, fmt.Errorf("configuring the AWS provider: %w", err)
	}
	return provider, nil
}

// args of the provider; what was left out stays so, since an empty text is not the same.
func (c providerConfig) args() *aws.ProviderArgs {
	args := &aws.ProviderArgs{
		Region:                  pulumi.String(c.Region),
		Profile:                 textOrNone(c.Profile),
		AllowedAccountIds:       optionalList(c.AllowedAccountIDs),
		ForbiddenAccountIds:     optionalList(c.ForbiddenAccountIDs),
		SharedConfigFiles:       optionalList(c.SharedConfigFiles),
		SharedCredentialsFiles:  optionalList(c.SharedCredentialsFiles),
		CustomCaBundle:          textOrNone(c.CustomCABundle),
		HttpProxy:               textOrNone(c.HTTPProxy),
		HttpsProxy:              textOrNone(c.HTTPSProxy),
		NoProxy:                 textOrNone(c.NoProxy),
		RetryMode:               textOrNone(c.RetryMode),
		StsRegion:               textOrNone(c.STSRegion),
		SkipMetadataApiCheck:    trueOrNone(c.SkipMetadataAPICheck),
		SkipRequestingAccountId: trueOrNone(c.SkipRequestingAccountID),
	}
	args.SkipCredentialsValidation = trueOrNone(c.SkipCredentialsValidation)
	if c.MaxRetries > 0 {
		args.MaxRetries = pulumi.Int(c.MaxRetries)
	}
	if len(c.DefaultTags) > 0 {
		args.DefaultTags = &aws.ProviderDefaultTagsArgs{Tags: pulumi.ToStringMap(c.DefaultTags)}
	}
	if len(c.IgnoreTags.Keys) > 0 || len(c.IgnoreTags.KeyPrefixes) > 0 {
		args.IgnoreTags = &aws.ProviderIgnoreTagsArgs{Keys: optionalList(c.IgnoreTags.Keys),
			KeyPrefixes: optionalList(c.IgnoreTags.KeyPrefixes)}
	}
	if role := c.AssumeRole; role != nil {
		args.AssumeRole = &aws.ProviderAssumeRoleArgs{
			RoleArn: textOrNone(role.RoleARN), SessionName: textOrNone(role.SessionName),
			ExternalId: textOrNone(role.ExternalID),
			Duration:   textOrNone(role.Duration), Policy: textOrNone(role.Policy),
			PolicyArns:        optionalList(role.PolicyARNs),
			SourceIdentity:    textOrNone(role.SourceIdentity),
			TransitiveTagKeys: optionalList(role.TransitiveTagKeys),
			Tags:              mapOrNone(role.Tags),
		}
	}
	for _, service := range slices.Sorted(maps.Keys(c.Endpoints)) {
		endpoint := aws.ProviderEndpointArgs{}
		field, _ := endpointField(service) // it was checked
		reflect.ValueOf(&endpoint).Elem().FieldByIndex(field.Index).Set(
			reflect.ValueOf(pulumi.String(c.Endpoints[service])),
		)
		list, _ := args.Endpoints.(aws.ProviderEndpointArray)
		args.Endpoints = append(list, endpoint)
	}
	return args
}

// endpointField is where the provider has the endpoint of a service.
func endpointField(service string) (reflect.StructField, bool) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[aws.ProviderEndpointArgs]()) {
		if field.Tag.Get("pulumi") == service {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func textOrNone(value string) pulumi.StringPtrInput {
	if value == "" {
		return nil
	}
	return pulumi.String(value)
}

func mapOrNone(values map[string]string) pulumi.StringMapInput {
	if len(values) == 0 {
		return nil
	}
	return pulumi.ToStringMap(values)
}

func trueOrNone(value bool) pulumi.BoolPtrInput {
	if !value {
		return nil
	}
	return pulumi.Bool(true)
}
