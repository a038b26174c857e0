package trigger

import (
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/trigger/event"
)

type env = map[string]string

// TestIdentify has a row for each way to be identified, and for each that just fails.
func TestIdentify(t *testing.T) {
	t.Parallel()
	const token = "service-kR7vQm2wZp9TnW4b"
	access := Access{
		Service: NewToken(token), HTTP: NewToken("http-kR7vQm2wZp9TnW4b"), Timer: NewToken("timer-kR7vQm2wZp9TnW4b"),
		AuthorizerClaim: "group", AuthorizerValue: "operators", BehindWXGateway: true,
	}
	call, tick, batch := event.Event{Kind: event.Call}, event.Event{Kind: event.Timer}, event.Event{Kind: event.Queue}
	web := func(header, claims env) event.Event {
		return event.Event{Kind: event.HTTP, HTTPShaped: true, Request: hosting.Request{Header: header, Claims: claims}}
	}
	wx := env{"WX_OPENID": "oABC", "WX_APPID": "wx1"}
	operators := env{"group": "operators"}
	none, own, all := rights{}, rights{orders: ownOrders}, rights{orders: allOrders}
	decide, everything, sweep := rights{orders: allOrders, decide: true}, rights{allOrders, true, true}, rights{sweep: true}

	for _, tc := range []struct {
		name     string
		platform hosting.Platform
		env      env
		event    event.Event
		token    string
		policy   Policy
		kind     kind
		owner    string
		may      rights
	}{
		{"a service", hosting.SCF, nil, call, token, "", service, "", everything},
		{"a service that a user called", hosting.SCF, wx, call, token, "", service, "", everything},
		{"a service by HTTP", hosting.Web, nil, web(nil, nil), token, "", service, "", everything},
		{"a service by a header", hosting.Web, nil, web(env{"cloudpay-service-token": token}, nil), "", "", service, "", everything},
		{"a service by a header, on SCF", hosting.SCF, wx, web(env{"cloudpay-service-token": token}, nil), "", "", service, "", everything},
		{"a service by both", hosting.Web, nil, web(env{"cloudpay-service-token": token}, nil), token, "", service, "", everything},
		{"a wrong header", hosting.Lambda, nil, web(env{"cloudpay-service-token": token + "x"}, nil), "", "", badToken, "", none},
		{"a wrong header beside the parameter", hosting.Web, nil, web(env{"cloudpay-service-token": "x"}, nil), token, "", badToken, "", none},
		{"a wrong parameter beside the header", hosting.Web, nil, web(env{"cloudpay-service-token": token}, nil), "x", "", badToken, "", none},
		{"the header twice", hosting.Web, nil, web(env{"cloudpay-service-token": token + "," + token}, nil), "", "", badToken, "", none},
		{"an empty header", hosting.Web, nil, web(env{"cloudpay-service-token": ""}, nil), "", "", unidentified, "", none},
		{"a wrong header beside a bearer", hosting.SCF, nil, web(env{
			"cloudpay-service-token": "x", "authorization": "Bearer http-kR7vQm2wZp9TnW4b",
		}, nil), "", "", badToken, "", none},
		{"a wrong header where all are let in", hosting.Web, nil, web(env{"cloudpay-service-token": "x"}, nil), "", PolicyAny, badToken, "", none},
		{"a header of what is no request", hosting.SCF, nil, event.Event{
			Kind: event.Call, HTTPShaped: true, Request: hosting.Request{Header: env{"cloudpay-service-token": token}},
		}, "", "", anonymousUser, "", none},
		{"a service's message", hosting.SCF, nil, batch, token, "", service, "", everything},
		{"a service's sweep", hosting.SCF, nil, tick, token, "", service, "", everything},
		{"a wrong token", hosting.Lambda, nil, call, token + "x", "", badToken, "", none},
		{"a wrong token where all are let in", hosting.SCF, nil, call, "x", PolicyAny, badToken, "", none},
		{"a wrong token under platform", hosting.SCF, nil, batch, "x", PolicyPlatform, badToken, "", none},

		{"a bearer", hosting.SCF, nil, web(env{"authorization": "Bearer http-kR7vQm2wZp9TnW4b"}, nil), "", "", httpClient, "", decide},
		{"a bearer in lower case", hosting.Web, nil, web(env{"authorization": "bearer  http-kR7vQm2wZp9TnW4b "}, nil), "", "", httpClient, "", decide},
		{"a wrong bearer", hosting.SCF, nil, web(env{"authorization": "Bearer service-kR7vQm2wZp9TnW4b"}, nil), "", "", unidentified, "", none},
		{"another scheme", hosting.SCF, nil, web(env{"authorization": "Basic http-kR7vQm2wZp9TnW4b"}, nil), "", "", unidentified, "", none},
		{"no scheme", hosting.SCF, nil, web(env{"authorization": "http-kR7vQm2wZp9TnW4b"}, nil), "", "", unidentified, "", none},
		{"two bearers", hosting.SCF, nil, web(env{"authorization": "Bearer x,Bearer http-kR7vQm2wZp9TnW4b"}, nil), "", "", unidentified, "", none},
		{"no bearer", hosting.SCF, nil, web(nil, nil), "", "", unidentified, "", none},
		{"no bearer under platform", hosting.SCF, nil, web(nil, nil), "", PolicyPlatform, unidentified, "", none},
		{"no bearer where all are let in", hosting.SCF, nil, web(nil, nil), "", PolicyAny, unidentified, "", all},
		{"a claim on Lambda", hosting.Lambda, nil, web(nil, operators), "", "", httpClient, "", decide},
		{"another claim", hosting.Lambda, nil, web(nil, env{"group": "users"}), "", "", unidentified, "", none},
		{"a claim on SCF", hosting.SCF, nil, web(nil, operators), "", "", unidentified, "", none},
		{"a claim on SCF under platform", hosting.SCF, nil, web(nil, operators), "", PolicyPlatform, httpClient, "", decide},
		{"a claim on the custom runtime under platform", hosting.SCFCustom, nil, web(nil, operators), "", PolicyPlatform, httpClient, "", decide},
		{"a user's claim under platform", hosting.SCF, wx, web(nil, operators), "", PolicyPlatform, unidentified, "", none},
		{"a claim by CloudBase under platform", hosting.SCF, env{"TCB_ENV": "e"}, web(nil, operators), "", PolicyPlatform, unidentified, "", none},
		{"a claim on the web", hosting.Web, nil, web(nil, operators), "", PolicyPlatform, unidentified, "", none},
		{"a claim nowhere", "", nil, web(nil, operators), "", PolicyPlatform, unidentified, "", none},
		{"behind WeChat's gateway", hosting.Web, nil, web(env{"x-wx-openid": "oABC", "x-wx-appid": "wx1"}, nil), "", "", user, "wx:wx1:oABC", own},
		{"an openid sent twice", hosting.Web, nil, web(env{"x-wx-openid": "oABC,oDEF", "x-wx-appid": "wx1"}, nil), "", "", unidentified, "", none},
		{"an openid of no appid", hosting.Web, nil, web(env{"x-wx-openid": "oABC"}, nil), "", "", unidentified, "", none},
		{"of a borrowed environment", hosting.Web, nil, web(env{"x-wx-from-openid": "oABC", "x-wx-from-appid": "wx1"}, nil), "", "", unidentified, "", none},
		{"the gateway's header elsewhere", hosting.SCF, nil, web(env{"x-wx-openid": "oABC", "x-wx-appid": "wx1"}, nil), "", "", unidentified, "", none},
		{"half an HTTP event", hosting.Lambda, nil, event.Event{Kind: event.Call, HTTPShaped: true}, "", "", anonymousUser, "", none},
		{"a queue with headers", hosting.Lambda, nil, event.Event{Kind: event.Queue, HTTPShaped: true}, "", "", anonymousUser, "", none},
		{"no HTTP on the web", hosting.Web, nil, call, "", PolicyPlatform, anonymousUser, "", none},
		{"a timer on the web", hosting.Web, nil, tick, "", PolicyPlatform, anonymousUser, "", none},

		{"a mini-program's user", hosting.SCF, wx, call, "", "", user, "wx:wx1:oABC", own},
		{"the same under platform", hosting.SCF, wx, call, "", PolicyPlatform, user, "wx:wx1:oABC", own},
		{"the same where all are let in", hosting.SCF, wx, call, "", PolicyAny, user, "wx:wx1:oABC", all},
		{
			"of another's mini-program", hosting.SCF, env{"WX_FROM_OPENID": "oDEF", "WX_FROM_APPID": "wx2", "WX_APPID": "wx1"},
			call, "", "", user, "wx:wx2:oDEF", own,
		},
		{"of no mini-program", hosting.SCF, env{"WX_OPENID": "oABC"}, call, "", "", anonymousUser, "", none},
		{"of a strange name", hosting.SCF, env{"WX_OPENID": "o:A", "WX_APPID": "wx1"}, call, "", "", anonymousUser, "", none},
		{"a web page's user", hosting.SCF, env{"TCB_UUID": "u1", "TCB_ISANONYMOUS_USER": "false"}, call, "", "", user, "tcb:u1", own},
		{"an anonymous one", hosting.SCF, env{"TCB_UUID": "u1", "TCB_ISANONYMOUS_USER": "true"}, call, "", "", user, "tcb:u1", own},
		{"of one's own login", hosting.SCF, env{"TCB_UUID": "u1", "TCB_CUSTOM_USER_ID": "c"}, call, "", "", user, "tcb:u1", own},
		{"of one's own login alone", hosting.SCF, env{"TCB_CUSTOM_USER_ID": "tcb:u1"}, call, "", "", anonymousUser, "", none},
		{"an anonymous one of no name", hosting.SCF, env{"TCB_ISANONYMOUS_USER": "true"}, tick, "", "", anonymousUser, "", none},
		{"QQ's user", hosting.SCF, env{"QQ_OPENID": "q"}, call, "", PolicyPlatform, anonymousUser, "", none},
		{"a user's timer", hosting.SCF, env{"WX_OPENID": "oABC", "WX_APPID": "wx1", "TRIGGER_SRC": "timer"}, tick, "", "", user, "wx:wx1:oABC", own},
		{"a user's queue", hosting.SCF, wx, batch, "", PolicyPlatform, user, "wx:wx1:oABC", own},
		{"userInfo alone", hosting.SCF, nil, event.Event{Kind: event.Call, UserInfo: true}, "", PolicyPlatform, anonymousUser, "", none},
		{"userInfo on Lambda", hosting.Lambda, nil, event.Event{Kind: event.Queue, UserInfo: true}, "", "", anonymousUser, "", none},
		{"a source alone", hosting.SCF, env{"TCB_SOURCE": "wx_http"}, call, "", PolicyPlatform, anonymousUser, "", none},
		{"a source where all are let in", hosting.SCF, env{"TCB_SOURCE": "wx_http"}, call, "", PolicyAny, anonymousUser, "", all},

		{"SCF's timer", hosting.SCF, env{"TRIGGER_SRC": "timer"}, tick, "", "", timer, "", sweep},
		{"CloudBase's timer", hosting.SCF, env{"TCB_SOURCE": "wx_trigger", "TCB_ENV": "e"}, tick, "", "", timer, "", sweep},
		{"what an SDK's call can say", hosting.SCF, env{"TRIGGER_SRC": "tcb", "TCB_SOURCE": "wx_trigger", "TCB_ENV": "e"}, tick, "", "", unidentified, "", none},
		{"the same under platform", hosting.SCF, env{"TRIGGER_SRC": "tcb", "TCB_SOURCE": "wx_trigger"}, tick, "", PolicyPlatform, unidentified, "", none},
		{"a call of no anonymous user", hosting.SCF, env{"TCB_SOURCE": "wx_trigger", "TCB_ISANONYMOUS_USER": "false"}, tick, "", "", unidentified, "", none},
		{"CloudBase's timer, in SCF's words too", hosting.SCF, env{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger"}, tick, "", "", timer, "", sweep},
		{"a timer's call of us", hosting.SCF, env{"TRIGGER_SRC": "timer"}, call, "", "", unidentified, "", none},
		{"CloudBase's timer of something else", hosting.SCF, env{"TRIGGER_SRC": "apigw", "TCB_SOURCE": "wx_trigger"}, tick, "", "", unidentified, "", none},
		{"whom a timer called", hosting.SCF, env{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger,scf"}, tick, "", "", unidentified, "", none},
		{"a timer by message", hosting.SCFCustom, nil, withMessage(" timer-kR7vQm2wZp9TnW4b\n"), "", "", timer, "", sweep},
		{"a timer by the wrong message", hosting.SCFCustom, nil, withMessage("timer"), "", "", unidentified, "", none},
		{"a timer by nothing", hosting.SCF, nil, tick, "", "", unidentified, "", none},
		{"a timer where all are let in", hosting.SCF, nil, tick, "", PolicyAny, unidentified, "", none},
		{"a timer under platform", hosting.SCFCustom, nil, tick, "", PolicyPlatform, timer, "", sweep},
		{"CloudBase's anybody under platform", hosting.SCF, env{"TCB_SOURCE": "wx_client"}, tick, "", PolicyPlatform, unidentified, "", none},
		{"a timer on Lambda", hosting.Lambda, nil, tick, "", "", timer, "", sweep},

		{"a queue on Lambda", hosting.Lambda, nil, batch, "", "", queue, "", decide},
		{"a queue under platform", hosting.SCF, nil, batch, "", PolicyPlatform, queue, "", decide},
		{"a queue", hosting.SCF, nil, batch, "", "", unidentified, "", none},
		{"a queue where all are let in", hosting.SCF, nil, batch, "", PolicyAny, unidentified, "", none},
		{"a queue through CloudBase", hosting.SCF, env{"TCB_SOURCE": "wx_client"}, batch, "", PolicyPlatform, anonymousUser, "", none},

		{"direct on Lambda", hosting.Lambda, nil, call, "", "", direct, "", everything},
		{"direct on Lambda where all are let in", hosting.Lambda, nil, call, "", PolicyAny, direct, "", everything},
		{"direct under platform", hosting.SCFCustom, env{"WXPAY_MCHID": "1"}, call, "", PolicyPlatform, direct, "", everything},
		{"direct", hosting.SCF, nil, call, "", "", unidentified, "", none},
		{"direct where all are let in", hosting.SCF, nil, call, "", PolicyAny, unidentified, "", all},
		{"direct under a policy that is none", hosting.SCF, nil, call, "", "Platform", unidentified, "", none},
	} {
		a := access
		a.Policy = tc.policy
		got := identify(hosting.Invocation{Platform: tc.platform, Environment: tc.env}, tc.event, tc.token, a, nil)
		if got.kind != tc.kind || got.owner != tc.owner || got.may != tc.may {
			t.Errorf("%s: got %s %q %+v, want %s %q %+v", tc.name, got.kind, got.owner, got.may, tc.kind, tc.owner, tc.may)
		}
		if got.may == none && got.remedy == "" {
			t.Errorf("%s: the log has no remedy", tc.name)
		}
	}
	cognito := hosting.Invocation{Platform: hosting.Lambda, Cognito: "eu-west-1:1"}
	for _, e := range []event.Event{call, tick, batch, web(nil, operators)} {
		if got := identify(cognito, e, "", access, nil); got.may != none {
			t.Errorf("a Cognito identity's %s: got %s %+v", e.Kind, got.kind, got.may)
		}
	}
}

// The log names the rule that decided, in the sequence of recognise: each row has what the rows
// behind it look at as well, but for what another rule would hide.
func TestIdentifiedBy(t *testing.T) {
	t.Parallel()
	const token, wrong = "service-kR7vQm2wZp9TnW4b", "service-kR7vQm2wZp9TnW4c"
	access := Access{Service: NewToken(token), HTTP: NewToken("http-kR7vQm2wZp9TnW4b")}
	wx := env{"WX_OPENID": "oABC", "WX_APPID": "wx1", "TCB_ENV": "e"}
	userInfo := event.Event{Kind: event.Timer, UserInfo: true}
	web := func(header env) event.Event {
		return event.Event{Kind: event.HTTP, HTTPShaped: true, UserInfo: true, Request: hosting.Request{Header: header}}
	}
	for _, tc := range []struct {
		inv   hosting.Invocation
		event event.Event
		token string
		by    sign
	}{
		{hosting.Invocation{Environment: wx}, web(nil), token, byServiceToken},
		{hosting.Invocation{Environment: wx}, web(nil), wrong, byServiceToken},
		{hosting.Invocation{Environment: wx}, event.Event{HTTPShaped: true, UserInfo: true}, "", byHTTPShape},
		{hosting.Invocation{Environment: wx}, web(env{
			"authorization": "Bearer http-kR7vQm2wZp9TnW4b", "x-wx-openid": "o", "x-cloudbase-context": "x",
		}), "", byHTTPToken},
		{hosting.Invocation{Environment: wx}, web(env{"x-wx-openid": "o", "x-cloudbase-context": "x"}), "", byWXHeader},
		{hosting.Invocation{Environment: wx}, web(env{"x-cloudbase-context": "x"}), "", byContext},
		{hosting.Invocation{Environment: wx}, web(nil), "", byNoHTTPProof},
		{hosting.Invocation{Environment: wx, Cognito: "c"}, userInfo, "", byEnvironment},
		{hosting.Invocation{Environment: env{"TCB_ENV": "e"}, Cognito: "c"}, userInfo, "", byCognito},
		{hosting.Invocation{Environment: env{"TCB_ENV": "e"}}, userInfo, "", byUserInfo},
		{hosting.Invocation{Environment: env{"TCB_ENV": "e"}}, event.Event{Kind: event.Timer}, "", byTimer},
		{hosting.Invocation{Environment: env{"TCB_ENV": "e"}}, event.Event{Kind: event.Call}, "", byCloudBaseKey},
		{hosting.Invocation{Platform: hosting.SCF}, event.Event{Kind: event.Call}, "", byNothing},
		{hosting.Invocation{Platform: hosting.Lambda}, event.Event{Kind: event.Call}, "", byPlatform},
		{hosting.Invocation{Platform: hosting.Lambda}, event.Event{Kind: event.Queue}, "", byPlatform},
	} {
		if got := identify(tc.inv, tc.event, tc.token, access, nil); got.by != tc.by {
			t.Errorf("%+v %+v: got %q, want %q", tc.inv, tc.event, got.by, tc.by)
		}
	}
}

func withMessage(message string) event.Event {
	return event.Event{Kind: event.Timer, Timer: event.TimerTick{Message: message}}
}

// Without tokens none of them is right, not even nothing.
func TestNoTokenIsNoSecret(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]event.Event{
		"an empty bearer":  {Kind: event.HTTP, Request: hosting.Request{Header: env{"authorization": "Bearer "}}},
		"an empty message": withMessage(""),
		"an empty claim":   {Kind: event.HTTP, Request: hosting.Request{Claims: env{"": ""}}},
	} {
		for _, platform := range []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Web, hosting.Lambda} {
			if platform == hosting.Lambda && e.Kind == event.Timer {
				continue // IAM let it in
			}
			if got := identify(hosting.Invocation{Platform: platform}, e, "", Access{}, nil); got.may != (rights{}) {
				t.Errorf("%s on %s: got %s %+v", name, platform, got.kind, got.may)
			}
		}
	}
	if got := identify(hosting.Invocation{Platform: hosting.SCF}, event.Event{Kind: event.Call}, "any", Access{}, nil); got.kind != badToken {
		t.Errorf("a token where none is configured: got %s", got.kind)
	}
}

func TestBriefIsNoName(t *testing.T) {
	t.Parallel()
	for owner, want := range map[string]string{
		"": "", "wx:wx1:oABCDEFGHIJKLMNOP": "oABCDE…", "tcb:u1": "u…", "wx:wx1:oABC": "oA…", "tcb:x": "…",
	} {
		if got := brief(owner); got != want {
			t.Errorf("brief(%q) = %q, want %q", owner, got, want)
		}
	}
}
