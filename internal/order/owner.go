package order

import (
	"strings"

	"cloudpay/internal/bilingual"
)

// Owner is the customer that an order was made for, as the platforms' words for them are put
// together: they may query and close it. It is wx:APPID:OPENID for a mini-program's user, since an
// openid is unique only below its appid, or tcb:UUID for one of CloudBase's own. The empty Owner is
// nobody.
type Owner string

// parts is how many names of a user's each realm's owners have.
var parts = map[string]int{"wx": 2, "tcb": 1}

// NewOwner puts an owner together, and returns false unless the realm is known and all its parts
// are what a platform names users by: a list of two (a header sent twice), or a text with a colon,
// could pass for somebody else.
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

// WeChatOwner is a mini-program's user; the empty Owner where the two names are not what users are
// named by.
func WeChatOwner(appID, openID string) Owner {
	o, _ := NewOwner("wx", appID, openID)
	return o
}

// identity is what platforms make the names of users of: openids of up to 128 characters, uuids,
// appids.
var identity = charset{
	letters: true, others: "_-", most: 128,
	rule: bilingual.New("must be 1 to 128 characters of 0-9 A-Z a-z _ -", "须为 1 至 128 个字符，限 0-9 A-Z a-z _ -"),
}

// maxOwner is what the store keeps.
const maxOwner = 255

// Validate finds what no platform would call a user: such an owner could never come and ask for the
// order.
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
