package platform

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"strings"
)

// The doors to a web function differ in the Host that it sees, and in the identity that the
// platform writes into the headers. Whether the public doors remove an x-wx- header that the client
// sent is not documented; here they do not, so that a function which believes one there is found
// out.
//
//	here                        plays                      Host                    identity
//	/wx/{name}/…                wx.cloud.callHTTPFunction  an inner name           X-Wx-…
//	/v1/functions/{name}?webfn  HTTP API                   ….tcloudbasegateway.com token
//	/tcb/{name}/…               HTTP access service        ….app.tcloudbase.com    none
//	/tcb-auth/{name}/…          a route with enableAuth    the same                context
//	/http/{name}/…              SCF's function URL         ….tencentscf.com        none

// hostOfHTTPAPI is the Host of the environment's HTTP API.
func (c *Cloud) hostOfHTTPAPI() string { return c.envID() + ".api.tcloudbasegateway.com" }

// publicHost is the Host that a web function sees behind an HTTP trigger; "" for the triggers of
// other clouds, which leave the caller's.
func (c *Cloud) publicHost(source httpTrigger, function string) string {
	switch source.(type) {
	case accessService:
		return c.envID() + "-" + accountAppID + "." + region + ".app.tcloudbase.com"
	case functionURL:
		return accountAppID + "-" + strings.ToLower(function) + "." + region + ".tencentscf.com"
	}
	return ""
}

// through returns a request as it arrives behind a door.
func through(r *http.Request, host string) *http.Request {
	if host == "" {
		return r
	}
	request := r.Clone(r.Context())
	request.Host = host
	request.Header.Set("X-Forwarded-For", clientIP(r))
	return request
}

// callHTTPFunction is wx.cloud.callHTTPFunction of a mini-program (developers.weixin.qq.com,
// "HTTPCloudFunction"). The header X-WX-OPENID says which user calls, as for callFunction; WeChat's
// link sets the X-Wx- headers that the function gets, and removes the client's. The function sees
// the path as it was given, and its answer reaches the client without an envelope.
func (c *Cloud) callHTTPFunction(w http.ResponseWriter, r *http.Request, rest, id string) {
	name, _, _ := strings.Cut(rest, "/")
	function := c.function(name)
	switch {
	case function == nil:
		fail(w, http.StatusBadRequest, codeNotFound, noSuchFunction(name), id)
		return
	case c.user(r).openID == "":
		fail(w, http.StatusBadRequest, codeBadEvent, "name the mini-program's user in the header X-WX-OPENID", id)
		return
	}
	request := through(r, name+"."+c.envID()+".internal")
	c.user(r).mark(request.Header, c.envID())
	c.passOn(w, request, function, triggerSegments, id)
}

// authenticated admits a request to a route with enableAuth: one with an access token of the auth
// service's, or the publishable key, which passes as an anonymous user. The context that it adds is
// base64 of gzip of JSON, and replaces the client's (@cloudbase/functions-typings,
// TcbExtendedContext).
func (c *Cloud) authenticated(serve func(http.ResponseWriter, *http.Request, string, string)) func(
	http.ResponseWriter, *http.Request, string, string,
) {
	return func(w http.ResponseWriter, r *http.Request, rest, id string) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || token == "" {
			fail(w, http.StatusUnauthorized, codeNoCredentials, "the route requires a login: send Authorization: Bearer with an access token", id)
			return
		}
		claims, err := c.auth.verify(strings.TrimSpace(token))
		if err != nil {
			fail(w, http.StatusUnauthorized, codeBadCredentials, err.Error(), id)
			return
		}
		request := r.Clone(r.Context())
		request.Header.Set("X-Cloudbase-Context", packed(encode(map[string]any{
			"envId": c.envID(), "uin": accountUin, "source": "client", "userId": claims["sub"], "userType": claims["user_type"],
			"isAdministrator": false,
		})))
		serve(w, request, rest, id)
	}
}

// packed is base64 of gzip.
func packed(text []byte) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text) // into memory
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}
