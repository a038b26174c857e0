package trigger

import (
	"net"
	"slices"
	"strings"

	"cloudpay/internal/hosting"
)

// A CloudBase HTTP function and a container are reached by up to six doors, of which some write an
// identity into a request's headers, and none is documented to remove one that the client wrote:
//
//	door                                     identity        traces
//	wx.cloud.callHTTPFunction, callContainer x-wx-openid     –
//	HTTP API of the environment (?webfn=true) Authorization  *.tcloudbasegateway.com
//	HTTP access service, default hosts       –, or context   *.tcloudbase.com, x-cloudbase-context
//	the same on a custom domain              –, or context   any other Host, x-forwarded-host
//	function URL, API gateway                –               *.tencentscf.com, *.tencentcs.com
//	integration centre                       –               x-tcb-integration-id
//
// So an identity header counts only where a setting says that its door is the only one, and never
// together with a trace of another. The rules are a table, and the tests take each away in turn.
//
// x-forwarded-for alone is no trace: WeChat's gateway writes it as well.

// A guard is one rule that an identity header has to pass. It returns the trace that refuses the
// header, in words of its own and never the client's, or "".
type guard struct {
	name    string
	refuses func(r arrival, a Access) string
}

// arrival is a request as it arrived.
type arrival struct {
	platform hosting.Platform
	header   map[string]string
}

// wxGuards guard X-WX-OPENID and X-WX-APPID.
var wxGuards = []guard{
	{"setting", func(_ arrival, a Access) string {
		return unless(a.BehindWXGateway, "CLOUDPAY_BEHIND_WX_GATEWAY is not set")
	}},
	{"platform", func(r arrival, _ Access) string {
		return unless(r.platform == hosting.Web, "the request came as an event, which its sender may have written")
	}},
	tracedBy("authorization"),
	tracedBy("x-cloudbase-context"),
	tracedBy("x-cloudbase-credentials"),
	tracedBy("x-forwarded-host"),
	tracedBy("x-tcb-integration-id"),
	{"forwarded", func(r arrival, _ Access) string {
		hasHost := strings.Contains(strings.ToLower(r.header["forwarded"]), "host=")
		return unless(!hasHost, "the header Forwarded names a host")
	}},
	hostOf("tcloudbase"),
	hostOf("tencentcs"),
	hostOf("tencentscf"),
	{"hosts", func(r arrival, a Access) string {
		known := len(a.WXHosts) == 0 || slices.Contains(a.WXHosts, hostName(r.header["host"]))
		return unless(known, "the Host is not one of CLOUDPAY_WX_HOSTS")
	}},
}

// contextGuards guard x-cloudbase-context, which the access service writes on routes with
// enableAuth. A request with X-WX-OPENID too does not get this far: fromGateway decides it.
var contextGuards = []guard{
	{"setting", func(_ arrival, a Access) string {
		return unless(a.CloudBaseContext, "CLOUDPAY_CLOUDBASE_CONTEXT is not set")
	}},
	{"platform", func(r arrival, _ Access) string {
		return unless(r.platform == hosting.Web, "the request came as an event, which its sender may have written")
	}},
	tracedBy("x-tcb-integration-id"),
	hostOf("tcloudbasegateway"), // the HTTP API admits the publishable key
	hostOf("tencentcs"),
	hostOf("tencentscf"),
}

// refusal returns the first trace that refuses an identity header, "" if it counts.
func refusal(guards []guard, r arrival, a Access) string {
	for _, g := range guards {
		if trace := g.refuses(r, a); trace != "" {
			return trace
		}
	}
	return ""
}

// tracedBy is the guard against a header that another door writes or passes on. An empty one is a
// trace too.
func tracedBy(name string) guard {
	return guard{name, func(r arrival, _ Access) string {
		_, there := r.header[name]
		return unless(!there, "the header "+name+" is a trace of another door")
	}}
}

// hostOf is the guard against the hosts of a public door.
func hostOf(part string) guard {
	return guard{part, func(r arrival, _ Access) string {
		return unless(!strings.Contains(strings.ToLower(r.header["host"]), part), "a Host of "+part+"'s is a public door")
	}}
}

// unless returns the trace, or "" if all is well.
func unless(well bool, trace string) string {
	if well {
		return ""
	}
	return trace
}

// hostName is a Host header without its port, in lower case and without a last dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// fromGateway identifies the caller by the headers of WeChat's gateway. It returns false if the
// request has none.
func (a Access) fromGateway(r arrival) (caller, bool) {
	openID := r.header["x-wx-openid"]
	if openID == "" {
		return caller{}, false
	}
	if trace := refusal(wxGuards, r, a); trace != "" {
		return caller{kind: unidentified, by: byWXHeader, remedy: "X-WX-OPENID does not count: " + trace}, true
	}
	// Not X-WX-FROM-OPENID and -APPID, the counterparts of WX_FROM_…: it is not documented whether
	// the gateway removes a client's own.
	owner := ownerOf("wx", r.header["x-wx-appid"], openID)
	if owner == "" {
		return caller{kind: unidentified, by: byWXHeader, remedy: "X-WX-OPENID does not count: it and X-WX-APPID are no user's name"}, true
	}
	return caller{kind: user, by: byWXHeader, owner: owner, may: rights{orders: ownOrders}}, true
}
