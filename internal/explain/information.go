package explain

import (
	"encoding/json"
	"strings"

	"cloudpay/internal/diagnosis"
)

// information is what WeChat Pay says of the message that it verified, in the detail of SIGN_ERROR:
//
//	{"code":"SIGN_ERROR","message":"错误的签名，验签失败","detail":{"sign_information":{
//	  "method":"POST","url":"/v3/pay/…/close","sign_message_length":115,
//	  "truncated_sign_message":"POST\n/v3/pay/…/close\n1554208460\n593BEC0C93…\n{\"mchid\":…"}}}
//
// It is the only view of what arrived there: where it differs from what was sent, something on the
// way changed the request. The reply is not signed, so that it decides nothing by itself.
type information struct {
	// Length is of the whole message, in bytes, of which Message is the beginning.
	Length  int    `json:"sign_message_length"`
	Message string `json:"truncated_sign_message"`
}

// informationOf finds it in a reply, wherever in the detail it stands; nil if there is none.
func informationOf(reply *diagnosis.Response) *information {
	if reply == nil {
		return nil
	}
	var body struct {
		Detail struct {
			Information *information `json:"sign_information"`
		} `json:"detail"`
		Information *information `json:"sign_information"`
	}
	if json.Unmarshal(reply.Body, &body) != nil {
		return nil
	}
	if body.Detail.Information != nil {
		return body.Detail.Information
	}
	return body.Information
}

// completeBody takes the body of a request from what WeChat Pay says it verified, if that is the
// whole message. It reports whether the body is known then.
func (a *Answer) completeBody(theirs *information) bool {
	const linesBefore = 4
	if theirs == nil || len(theirs.Message) != theirs.Length {
		return false
	}
	lines := strings.SplitN(theirs.Message, "\n", linesBefore+1)
	if len(lines) <= linesBefore {
		return false
	}
	completed := *a.request
	completed.Body = []byte(strings.TrimSuffix(lines[linesBefore], "\n"))
	a.request = &completed
	a.remark("the body was taken from WeChat Pay's reply, which says what it verified", "请求体取自微信支付应答中的验签信息（sign_information）")
	return true
}

// compare notes that WeChat Pay verified another message than the request makes: what arrived is
// not what was sent, or the text has the reply to another request.
func (a *Answer) compare(theirs *information) {
	if theirs == nil || a.Expected == "" || strings.HasPrefix(a.Expected, theirs.Message) {
		return
	}
	ours, line := strings.Split(a.Expected, "\n"), 1
	for i, text := range strings.Split(theirs.Message, "\n") {
		if line = i + 1; i >= len(ours) || ours[i] != text {
			break
		}
	}
	a.remark("WeChat Pay says that it verified another message than this request makes, from line %d on: something on the way "+
		"changed the request, or the reply is to another one", "微信支付所验签的报文从第 %d 行起与此请求不同：途中有设备改动了请求，或应答属于另一请求", line)
}
