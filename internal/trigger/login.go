package trigger

import (
	"context"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// Logins verifies the access tokens of users that are logged in to CloudBase.
type Logins interface {
	// Owner returns the owner of orders that a token names. It may fetch keys within ctx. The error
	// says why the token proves nothing, and repeats no part of it.
	Owner(ctx context.Context, token string) (order.Owner, error)
	// OwnerByHeldKeys is Owner without the network. known is false if only a fetch of keys could
	// tell whose the token is.
	OwnerByHeldKeys(token string) (owner order.Owner, known bool)
}

// login is what a request's access token came to. The zero value is no token.
type login struct {
	owner order.Owner
	// remedy is why the token proves nothing; "" where there is none.
	remedy string
	// unsettled reports that only a fetch of keys could tell.
	unsettled bool
}

// verifier turns the token of an Authorization header into a login.
type verifier func(token string) login

// heldLogin is the verifier that makes no connection: for heads, and for requests whose body was
// withheld, which can do nothing whatever their token is.
func (a Access) heldLogin(token string) login {
	owner, known := a.Logins.OwnerByHeldKeys(token)
	return login{owner: owner, remedy: "the access token proves nothing by the keys that are held", unsettled: !known}
}

// loginWithin returns the verifier that may fetch keys within ctx.
func (a Access) loginWithin(ctx context.Context, inv hosting.Invocation) verifier {
	if inv.Withheld {
		return a.heldLogin
	}
	return func(token string) login {
		owner, err := a.Logins.Owner(ctx, token)
		if err != nil {
			return login{remedy: err.Error() + " (CLOUDPAY_LOGIN_ENV, docs/callers.md)"}
		}
		return login{owner: owner}
	}
}

// fromToken identifies the caller by an access token. It returns false if the request has none that
// could be one: other bearer tokens have no dots.
func (a Access) fromToken(header map[string]string, verify verifier) (caller, bool) {
	token := bearer(header["authorization"])
	if a.Logins == nil || !strings.Contains(token, ".") {
		return caller{}, false
	}
	found := verify(token)
	if found.owner == "" {
		return caller{kind: unidentified, by: byAccessToken, remedy: found.remedy, unsettled: found.unsettled}, true
	}
	return caller{kind: user, by: byAccessToken, owner: string(found.owner), may: rights{orders: ownOrders}}, true
}
