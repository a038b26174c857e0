package platform

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// defaultEnvID is the CloudBase environment if Cloud.EnvID is empty.
const defaultEnvID = "cloudpay-local"

// user is a mini-program's user that calls through wx.cloud.callFunction, or a web page's that
// calls through CloudBase's JS SDK.
type user struct {
	openID, appID string
	uuid          string // CloudBase's ID of a web page's user; only without an openID
	envID         string
	address       string // the client's IP address
}

// user reads the caller from the headers. The caller is a mini-program's user with an openid, and a
// web page's with X-Cloudpay-Tcb-Uuid, which is ours: the real platform takes it from the session.
func (c *Cloud) user(r *http.Request) user {
	return user{
		uuid:    r.Header.Get("X-Cloudpay-Tcb-Uuid"),
		openID:  r.Header.Get("X-WX-OPENID"),
		appID:   cmp.Or(r.Header.Get("X-WX-APPID"), c.AppID),
		envID:   c.envID(),
		address: clientIP(r),
	}
}

// environment is what CloudBase says about such a call, after a dump of a real one. WX_CONTEXT_KEYS
// and TCB_CONTEXT_KEYS list the keys that the two server SDKs may show. The secret keys of the real
// call (WX_API_TOKEN, TCB_SESSIONTOKEN, TENCENTCLOUD_*) are left out.
func (u user) environment(sequenceID string) map[string]string {
	if u.openID == "" {
		return u.pageEnvironment(sequenceID)
	}
	wx := map[string]string{
		"WX_CLIENTIP":   u.address,
		"WX_CLIENTIPV6": "",
		"WX_OPENID":     u.openID,
	}
	if u.appID != "" {
		wx["WX_APPID"] = u.appID
	}
	tcb := map[string]string{
		"TCB_ENV":              u.envID,
		"TCB_ISANONYMOUS_USER": "false",
		"TCB_SEQID":            sequenceID,
		"TCB_SOURCE":           "wx_client",
		"TRIGGER_SRC":          "tcb",
	}
	environment := map[string]string{
		"SCF_NAMESPACE":    u.envID,
		"TCB_CONTEXT_KEYS": keyList(tcb),
		"WX_CONTEXT_KEYS":  keyList(wx),
	}
	maps.Copy(environment, wx)
	maps.Copy(environment, tcb)
	return environment
}

// isNamed reports whether the caller is a user.
func (u user) isNamed() bool { return u.openID != "" || u.uuid != "" }

// pageEnvironment is what CloudBase says about a web page's user. The keys are those that the
// server SDKs read (@cloudbase/node-sdk, "getUserInfo"); a dump of a real call is not published.
func (u user) pageEnvironment(sequenceID string) map[string]string {
	tcb := map[string]string{
		"TCB_ENV":              u.envID,
		"TCB_ISANONYMOUS_USER": "false",
		"TCB_SEQID":            sequenceID,
		"TCB_SOURCE_IP":        u.address,
		"TCB_UUID":             u.uuid,
		"TRIGGER_SRC":          "tcb",
	}
	keys := keyList(tcb)
	tcb["TCB_CONTEXT_KEYS"] = keys
	tcb["SCF_NAMESPACE"] = u.envID
	return tcb
}

// mark sets the headers that WeChat's gateway sets before a container, and removes the caller's own
// X-WX- headers, so that they cannot be forged (developers.weixin.qq.com, "wxcloudrun"; names, not
// values, are documented).
func (u user) mark(header http.Header, envID string) {
	for name := range header {
		if strings.HasPrefix(name, "X-Wx-") {
			delete(header, name)
		}
	}
	if u.openID == "" {
		return
	}
	header.Set("X-Wx-Openid", u.openID)
	header.Set("X-Wx-Appid", u.appID)
	header.Set("X-Wx-Env", envID)
	header.Set("X-Wx-Source", "wx_client")
}

// keyList lists the keys of a group, in alphabetical order.
func keyList(group map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(group)), ",")
}

// addTo sets userInfo in an event that is an object, replacing the caller's own. Any other event
// stays as it is, and so does that of a web page's user. Values keep their bytes; the order of the
// keys is not kept.
func (u user) addTo(payload []byte) []byte {
	if u.openID == "" {
		return payload
	}
	if named := withMember(payload, "userInfo", map[string]string{"appId": u.appID, "openId": u.openID}); named != nil {
		return named
	}
	return payload
}

// withoutEscapes is the JSON of an object whose values keep their bytes, those that HTML would
// escape as well; nil if a value is no JSON.
func withoutEscapes(members map[string]json.RawMessage) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil {
		return nil
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
