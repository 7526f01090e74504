package consumer

import (
	"errors"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// throttles are refusals that pass.
var throttles = []string{
	"RequestThrottled", "ThrottlingException", "Throttling", "TooManyRequestsException", "KmsThrottled",
}

// denials are refusals for want of rights or of good credentials, which no SDK models as
// errors of SQS, so that it calls their fault unknown. Source: SQS API reference, "Common
// errors"; IAM user guide, "Troubleshooting".
var denials = []string{
	"AccessDenied", "KmsAccessDenied", "KMS.AccessDenied", "ExpiredToken", "InvalidClientTokenId",
	"UnrecognizedClient", "SignatureDoesNotMatch", "InvalidSignature", "IncompleteSignature",
	"InvalidSecurity",
	"MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "InvalidAccessKeyId",
}

// isDenial says whether SQS refused a request since the caller has no right to it.
func isDenial(err error) bool {
	var refusal smithy.APIError
	return errors.As(err, &refusal) && slices.ContainsFunc(denials, func(prefix string) bool {
		return strings.HasPrefix(refusal.ErrorCode(), prefix)
	})
}

// isRefusal says whether SQS refused a request for what it is, so that repeating it
// is of no use.
func isRefusal(err error) bool {
	var refusal smithy.APIError
	return errors.As(err, &refusal) && refusal.ErrorFault() == smithy.FaultClient &&
		!slices.Contains(throttles, refusal.ErrorCode())
}
