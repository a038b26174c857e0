package trigger

import (
	"strings"

	"cloudpay/internal/hosting"
)

// A caller is who is calling, as far as that decides what they may say.
type caller string

const (
	// user: somebody with a mini-program or a web page. They may name their
	// order, and nothing that is the operator's to decide; they are not told
	// what is wrong with the function's configuration.
	user caller = "user"
	// direct: whoever may invoke the function through the cloud's own API.
	direct caller = "direct"
)

// callerOf takes any sign of a user for a user: CloudBase's keys in the
// environment of this very invocation (WX_OPENID, TCB_UUID, …; the function's
// own settings begin with WXPAY_ and CLOUDPAY_), the userInfo that it puts into a
// cloud call's event, or the shape of an HTTP request, which may be anybody's.
func callerOf(inv hosting.Invocation, p params) caller {
	if p.fromUser {
		return user
	}
	for key, value := range inv.Environment {
		if value != "" && (strings.HasPrefix(key, "WX_") || strings.HasPrefix(key, "TCB_")) {
			return user
		}
	}
	return direct
}
