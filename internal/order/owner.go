package order

import (
	"strings"

	"cloudpay/internal/bilingual"
)

// Owner is the customer that an order was made for, and that may query and close it:
// wx:APPID:OPENID for a mini-program's user, since an openid is unique only below its appid, or
// tcb:UUID for CloudBase's own users. The empty Owner is none.
type Owner string

// parts is the number of names in an owner of each realm.
var parts = map[string]int{"wx": 2, "tcb": 1}

// NewOwner joins the names that a platform gives a user. It returns false for an unknown realm, and
// for names that no platform gives: two of them in one (a header sent twice), or a name with a
// colon, could pass for another user.
func NewOwner(realm string, names ...string) (Owner, bool) {
	o := Owner(realm + ":" + strings.Join(names, ":"))
	if len(names) == 0 || len(names) != parts[realm] || len(o) > maxOwner {
		return "", false
	}
	for _, name := range names {
		if identity.check("", name) != nil || name == "" {
			return "", false
		}
	}
	return o, true
}

// WeChatOwner returns the owner of a mini-program's user; the empty Owner if one of the names is
// ill formed.
func WeChatOwner(appID, openID string) Owner {
	o, _ := NewOwner("wx", appID, openID)
	return o
}

// identity is the rule for the names of users: openids of up to 128 characters, uuids, appids.
var identity = charset{
	letters: true, others: "_-", most: 128,
	rule: bilingual.New("must be 1 to 128 characters of 0-9 A-Z a-z _ -", "须为 1 至 128 个字符，限 0-9 A-Z a-z _ -"),
}

// maxOwner is the width of the store's column.
const maxOwner = 255

// Validate returns an error for an owner that no platform would name. The empty Owner is well
// formed.
func (o Owner) Validate() *FieldError {
	realm, names, _ := strings.Cut(string(o), ":")
	if o == "" {
		return nil
	}
	if _, is := NewOwner(realm, strings.Split(names, ":")...); !is {
		return ParamError("owner", `must be "wx:APPID:OPENID" or "tcb:UUID", each part of 0-9 A-Z a-z _ -`,
			`须为 "wx:APPID:OPENID" 或 "tcb:UUID"，各部分限 0-9 A-Z a-z _ -`)
	}
	return nil
}
