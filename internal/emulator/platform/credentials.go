package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"time"

	"cloudpay/internal/emulator/access"
)

// Tencent Cloud's codes and CloudBase's code for a request that is not authenticated
// (cloud.tencent.com/document/api/583/17240). CloudBase documents one code for all cases.
const (
	codeAuthorization = "AuthFailure.InvalidAuthorization"
	codeSignParam     = "SIGN_PARAM_INVALID"
)

// authentic reports whether a request of an SDK is signed with one of the Keys. It has answered in
// the cloud's own words if not. Without Keys every request passes, unless a fault says otherwise.
//
// Signatures are compared with this machine's time, whatever the Clock is: the SDKs have no other.
func (c *Cloud) authentic(w http.ResponseWriter, r *http.Request, via, id string) bool {
	if !isSigned(via, r) || len(c.Keys) == 0 && !c.faults.has(badCredentials) {
		return true
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEnvelope+1))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body)) // the rest, or the same error again
	if err != nil || len(body) > maxEnvelope || via == viaServerSDK && !isSDKCall(r, body) {
		return true // it will be refused, and reaches no function
	}
	refusal := c.refusal(r, via, body)
	if refusal == nil {
		return true
	}
	inboundOf(r.Context()).reason = refusal.Reason
	switch via {
	case viaLambdaAPI:
		awsUnauthenticated(w, r, refusal, id)
	case viaTencentAPI:
		tencentUnauthenticated(w, refusal, id)
	default:
		sdkFail(w, codeSignParam, sdkUnauthenticated(refusal), id)
	}
	return false
}

// isSigned reports whether the SDKs sign such requests with an account's keys. The JS SDK, which
// runs at the user, has none; its older interface is the path /web.
func isSigned(via string, r *http.Request) bool {
	return via == viaLambdaAPI || via == viaTencentAPI || via == viaServerSDK && path.Clean(r.URL.Path) != "/web"
}

// isSDKCall reports whether a request is one of CloudBase's server SDKs: any other gets a 404.
func isSDKCall(r *http.Request, body []byte) bool {
	call, _ := readSDKCall(r, body) // what cannot be read names no action
	return call.Action != "" || r.URL.Query().Has("env")
}

// refusal says why a request is not authenticated; nil if it is.
func (c *Cloud) refusal(r *http.Request, via string, body []byte) *access.Error {
	if due := c.faults.take(wantedFunction(via, r, body), badCredentials); len(due) > 0 {
		inboundOf(r.Context()).call.Faults = due.actions()
		return &access.Error{Kind: access.Wrong, Reason: "a fault refuses the credentials"}
	}
	if len(c.Keys) == 0 {
		return nil
	}
	var err error
	switch via {
	case viaLambdaAPI:
		service := ""
		if strings.HasPrefix(r.URL.Path, lambdaPath) {
			service = "lambda"
		}
		err = c.Keys.VerifyAWS(r, body, service, time.Now())
	case viaTencentAPI:
		err = c.Keys.VerifyTencent(r, body, "scf", time.Now())
	default:
		err = c.Keys.VerifyCloudBase(r, body, time.Now())
	}
	refusal, _ := errors.AsType[*access.Error](err)
	return refusal
}

// wantedFunction is the name of the function that a request names, as far as it can be read.
func wantedFunction(via string, r *http.Request, body []byte) string {
	if via == viaLambdaAPI {
		return lambdaFunction(strings.TrimPrefix(r.URL.Path, lambdaPath))
	}
	var call struct {
		Tencent   string `json:"FunctionName"`
		CloudBase string `json:"function_name"`
	}
	_ = json.Unmarshal(body, &call) // what cannot be read names no function
	if via == viaTencentAPI {
		return call.Tencent
	}
	return call.CloudBase
}

// lambdaFunction is the function's name in the rest of a path of Invoke; empty if there is none.
func lambdaFunction(rest string) string {
	if parts := lambdaName.FindStringSubmatch(strings.TrimSuffix(rest, "/invocations")); parts != nil {
		return parts[1]
	}
	return ""
}

// awsUnauthenticated answers as AWS does (docs.aws.amazon.com/lambda, "CommonErrors"). Only the
// reason of a malformed or an old signature is shown.
func awsUnauthenticated(w http.ResponseWriter, r *http.Request, refusal *access.Error, id string) {
	fault := awsRefusal{status: http.StatusForbidden}
	switch refusal.Kind {
	case access.Missing:
		fault.kind, fault.message = "MissingAuthenticationTokenException", "Missing Authentication Token"
	case access.Malformed:
		fault.kind, fault.message = "IncompleteSignatureException", refusal.Reason
	case access.Unknown:
		fault.kind, fault.message = "UnrecognizedClientException", "The security token included in the request is invalid."
	case access.Expired:
		fault.kind, fault.message = "InvalidSignatureException", "Signature expired: "+refusal.Reason
	case access.Wrong:
		fault.kind, fault.message = "InvalidSignatureException", "The request signature we calculated does not match the signature you "+
			"provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	}
	fault.writeTo(w, r, id)
}

// tencentUnauthenticated answers as Tencent Cloud API 3.0 does.
func tencentUnauthenticated(w http.ResponseWriter, refusal *access.Error, id string) {
	code, message := codeAuthorization, refusal.Reason
	switch refusal.Kind {
	case access.Unknown:
		code, message = "AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct."
	case access.Expired:
		code, message = "AuthFailure.SignatureExpire", "Signature expired: "+refusal.Reason
	case access.Wrong:
		code, message = "AuthFailure.SignatureFailure",
			"The provided credentials could not be validated. Please check your signature is correct."
	case access.Missing, access.Malformed: // as above
	}
	tencentError(w, code, message, id)
}

// sdkUnauthenticated is CloudBase's message, of which the first two were seen.
func sdkUnauthenticated(refusal *access.Error) string {
	switch refusal.Kind {
	case access.Unknown:
		return "secret id error"
	case access.Expired:
		return "signature is expired"
	case access.Wrong:
		return "signature is wrong"
	case access.Missing, access.Malformed: // the reason says what
	}
	return refusal.Reason
}
