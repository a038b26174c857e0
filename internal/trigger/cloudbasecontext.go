package trigger

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

const (
	contextHeader = "x-cloudbase-context"
	// maxContext bounds the header, and maxContextText what it unpacks to. Real ones, with their
	// temporary keys, have about 2 KiB.
	maxContext     = 16 << 10
	maxContextText = 64 << 10
)

// cloudBaseContext is what the access service says of a caller (@cloudbase/functions-typings,
// TcbExtendedContext), as far as it is read: never its temporary keys and tokens.
type cloudBaseContext struct {
	EnvID           string `json:"envId"`
	UserType        string `json:"userType"`
	UserID          string `json:"userId"`
	IsAdministrator any    `json:"isAdministrator"`
	WeChat          struct {
		AppID  string `json:"appId"`
		OpenID string `json:"openId"`
	} `json:"wechatContext"`
}

// readContext decodes the header: base64 of JSON, or of gzip of JSON. It returns false for anything
// else, and for one that is too long. The header carries no signature.
func readContext(value string) (c cloudBaseContext, ok bool) {
	if len(value) > maxContext {
		return c, false
	}
	packed, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err != nil {
		return c, false
	}
	text := io.Reader(bytes.NewReader(packed))
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		if text, err = gzip.NewReader(text); err != nil {
			return c, false
		}
	}
	whole, err := io.ReadAll(io.LimitReader(text, maxContextText+1))
	if err != nil || len(whole) > maxContextText {
		return c, false
	}
	return c, json.Unmarshal(whole, &c) == nil
}

// fromContext identifies the caller by the access service's header. It returns false if the request
// has none. What the publishable key leaves in it is not documented, so that only a registered
// user's type, or a mini-program's user, names an owner.
func (a Access) fromContext(r arrival) (caller, bool) {
	value := r.header[contextHeader]
	if value == "" {
		return caller{}, false
	}
	trace := refusal(contextGuards, r, a)
	if trace == "" {
		var owner string
		if owner, trace = a.contextOwner(value); trace == "" {
			return caller{kind: user, by: byContext, owner: owner, may: rights{orders: ownOrders}}, true
		}
	}
	return caller{kind: unidentified, by: byContext, remedy: "x-cloudbase-context does not count: " + trace}, true
}

// contextOwner returns the owner that a context names, or why it names none.
func (a Access) contextOwner(value string) (owner, why string) {
	c, ok := readContext(value)
	kind := strings.ToLower(c.UserType)
	switch {
	case !ok:
		return "", "it cannot be read"
	case a.LoginEnv != "" && c.EnvID != a.LoginEnv:
		return "", "it is of another environment"
	case c.IsAdministrator != nil && c.IsAdministrator != false:
		return "", "it is an administrator's"
	case c.WeChat.OpenID != "":
		owner = ownerOf("wx", c.WeChat.AppID, c.WeChat.OpenID)
	case (kind == "internal" || kind == "external") && !strings.HasPrefix(strings.ToLower(c.UserID), "anon"):
		owner = ownerOf("tcb", c.UserID)
	}
	if owner == "" {
		return "", "it names no registered user (userType internal or external with userId, or wechatContext)"
	}
	return owner, ""
}
