package paynotify

import (
	"encoding/json"
	"net/http"
)

// Answer is the answer to a notification.
type Answer struct {
	Status      int
	ContentType string // empty: none
	Body        []byte
}

// The acknowledgement of each dialect. APIv3 looks at the status alone today; its older pages want
// the body.
const (
	acknowledgedV3 = `{"code":"SUCCESS","message":"OK"}`
	acknowledgedV2 = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"
)

func (d dialect) answer(status int, inV3, inV2 string) Answer {
	if d == v2 {
		return Answer{Status: status, ContentType: "text/xml; charset=utf-8", Body: []byte(inV2)}
	}
	return Answer{Status: status, ContentType: "application/json; charset=utf-8", Body: []byte(inV3)}
}

// acknowledged is the answer after which WeChat Pay does not bring the notification again.
func (d dialect) acknowledged() Answer {
	return d.answer(http.StatusOK, acknowledgedV3, acknowledgedV2)
}

// failed is the answer after which WeChat Pay brings the notification again. Both the status and
// the body say so, of which APIv2 reads the body. why is plain text of ours, at most 64 bytes.
func (d dialect) failed(status int, why string) Answer {
	body, _ := json.Marshal(map[string]string{"code": "FAIL", "message": why}) // two texts cannot fail
	return d.answer(status, string(body),
		"<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA["+why+"]]></return_msg></xml>")
}

// unavailable is failed for what may do better the next time.
func (d dialect) unavailable() Answer {
	return d.failed(http.StatusServiceUnavailable, "not now; bring it again")
}

// Unavailable is the answer of a receiver that is not configured, in the words of APIv3. APIv2
// takes whatever is not its own SUCCESS for a failure.
func Unavailable() Answer { return v3.unavailable() }

// NotAllowed is the answer to another method than POST.
func NotAllowed() Answer { return v3.failed(http.StatusMethodNotAllowed, "notifications come by POST") }

// Unreadable is the answer to a request that did not arrive whole, or is too long.
func Unreadable(tooLong bool) Answer {
	if tooLong {
		return v3.failed(http.StatusRequestEntityTooLarge, "too long")
	}
	return v3.failed(http.StatusBadRequest, "cannot be read")
}
