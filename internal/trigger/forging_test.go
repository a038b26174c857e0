package trigger_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/trigger"
)

// Alice has the order A1. Mallory has a telephone, a web page, an AWS Cognito identity and the
// function's URL, and no secret. The forging table lets Mallory pass for every source of calls from
// every place where he can really be, on every hosting that has the place. What he may write is the
// event (a cloud call's data, a Cognito caller's payload) or the request (path, query, headers,
// body); what the platform says of him, he may not.

const (
	marker  = "WHAT-ALICE-BOUGHT" // in what a query of A1 brings
	mallory = "oMALLORY0123456789"
	guessed = "guess-Xy81LkQw03Ns5Vbt"
)

// A place is where Mallory really is: on a hosting, and in what the platform says of him there.
type place struct {
	name        string
	on          hosting.Platform
	environment map[string]string
	cognito     string
	// adds is what the platform itself puts into an event that he wrote.
	adds obj
	// form says that he comes by HTTP, and whose event it becomes; claims is what its authorizer
	// says of him.
	form   string
	claims obj
	// known says that the platform gives a sign of him, so that not even PolicyPlatform may let him
	// in.
	known bool
}

// places are Mallory's.
func places() []place {
	userInfo := obj{"userInfo": obj{"openId": mallory, "appId": "wx1"}}
	settings := map[string]string{"WXPAY_MCHID": "1900000001", "CLOUDPAY_CALLER_POLICY": "any"}
	tcb := func(source string, more map[string]string) map[string]string {
		env := map[string]string{
			"TCB_ENV": "env-1", "TCB_SEQID": "s1", "TRIGGER_SRC": "tcb", "TCB_SOURCE": source, "TCB_CONTEXT_KEYS": "TCB_ENV,TCB_SOURCE",
		}
		maps.Copy(env, more)
		return env
	}
	wx := map[string]string{"WX_OPENID": mallory, "WX_APPID": "wx1", "WX_CONTEXT_KEYS": "WX_OPENID,WX_APPID", "TCB_ISANONYMOUS_USER": "false"}
	timerToo := maps.Clone(wx)
	timerToo["TRIGGER_SRC"] = "timer"

	all := []place{
		{name: "a mini-program, and the platform says nothing", on: hosting.SCF, environment: settings, adds: userInfo},
		{name: "a mini-program, and the platform says nothing at all", on: hosting.SCF},
		{name: "a mini-program before the custom runtime", on: hosting.SCFCustom, adds: userInfo, known: true},
		{name: "a web page before the custom runtime", on: hosting.SCFCustom},
		{name: "a Cognito identity", on: hosting.Lambda, cognito: "eu-west-1:mallory", known: true},
	}
	all[0].known = true // by userInfo
	for name, env := range map[string]map[string]string{
		"a mini-program":                     tcb("wx_client", wx),
		"a mini-program, by another":         tcb("wx_client", map[string]string{"WX_FROM_OPENID": mallory, "WX_FROM_APPID": "wx2"}),
		"a mini-program that is nobody's":    tcb("wx_client", map[string]string{"WX_OPENID": mallory}),
		"a mini-program, by a function":      tcb("wx_client,scf", wx),
		"a mini-program, by a trigger":       tcb("wx_client,wx_trigger", wx),
		"a mini-program that says wx":        tcb("wx_trigger", wx),
		"a mini-program that says timer":     timerToo,
		"a mini-program's source alone":      {"TCB_SOURCE": "wx_client"},
		"the developer tools":                tcb("wx_devtools", nil),
		"WeChat's HTTP API":                  tcb("wx_http", map[string]string{"WX_APPID": "wx1"}),
		"a function that a timer called":     tcb("wx_trigger,scf", nil),
		"an SDK that says trigger":           tcb("wx_trigger", nil),
		"an SDK that says so, not anonymous": tcb("wx_trigger", map[string]string{"TCB_ISANONYMOUS_USER": "false"}),
		"the same, of no known source":       {"TCB_SOURCE": "wx_trigger", "TCB_ISANONYMOUS_USER": "false"},
		"a trigger that a function called":   tcb("scf,wx_trigger", nil),
		"a trigger that a client called":     tcb("wx_client,wx_trigger", nil),
		"a trigger after nothing":            tcb(",wx_trigger", nil),
		"a trigger before nothing":           tcb("wx_trigger,", nil),
		"a trigger twice":                    tcb("wx_trigger,wx_trigger", nil),
		"a trigger with a space":             tcb("wx_trigger ", nil),
		"a trigger in capitals":              tcb("WX_TRIGGER", nil),
		"node-sdk's source":                  tcb(",unknown", nil),
		"a web page":                         tcb("web_client", map[string]string{"TCB_UUID": "mallory", "TCB_ISANONYMOUS_USER": "false"}),
		"a web page that says trigger":       tcb("wx_trigger", map[string]string{"TCB_UUID": "mallory"}),
		"an anonymous web page":              tcb("web_client", map[string]string{"TCB_UUID": "mallory", "TCB_ISANONYMOUS_USER": "true"}),
		"an anonymous web page of no name":   tcb("wx_trigger", map[string]string{"TCB_ISANONYMOUS_USER": "true"}),
		"a web page of its own login":        tcb("web_client", map[string]string{"TCB_UUID": "mallory", "TCB_CUSTOM_USER_ID": alice}),
		"a web page of its own login alone":  tcb("wx_trigger", map[string]string{"TCB_CUSTOM_USER_ID": alice}),
		"a web page that is named like her":  tcb("web_client", map[string]string{"TCB_UUID": alice}),
		"an app that is named like the rest": {"WX_APPID": "wx1:oABC0123456789", "WX_OPENID": "x"},
		"an app that is none, with her name": {"WX_OPENID": user["WX_OPENID"]},
		"a client that says timer":           {"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_client"},
		"a function that a timer called too": {"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger,scf"},
		"a trigger of another kind":          {"TRIGGER_SRC": "apigw", "TCB_SOURCE": "wx_trigger"},
		"QQ":                                 tcb("qq_client", map[string]string{"QQ_OPENID": mallory, "QQ_APPID": "1"}),
	} {
		all = append(all, place{name: name, on: hosting.SCF, environment: env, known: true})
	}
	// Each sign of a person is enough to be no timer.
	for _, key := range []string{
		"WX_OPENID", "WX_UNIONID", "WX_FROM_OPENID", "WX_FROM_UNIONID", "WX_FROM_APPID", "TCB_UUID", "TCB_CUSTOM_USER_ID", "QQ_OPENID", "LOGINTYPE",
	} {
		all = append(all, place{name: key, on: hosting.SCF, environment: map[string]string{key: "mallory", "TRIGGER_SRC": "timer"}, known: true})
	}
	// What no platform does today: events that are half a request's, and events on the web that are
	// none.
	tomorrow := obj{"headers": obj{"host": "x"}, "requestContext": obj{"routeKey": "x"}}
	all = append(all, place{name: "behind an HTTP platform of tomorrow", on: hosting.Lambda, adds: tomorrow, known: true},
		place{name: "the web, in words of his own", on: hosting.Web, known: true})
	all = append(all, place{name: "a mini-program that is in the event too", on: hosting.SCF, environment: tcb("wx_client", wx), adds: userInfo, known: true})
	for _, form := range httpForms {
		for _, on := range form.on {
			all = append(all, place{name: "the web", on: on, form: form.name, known: true})
			if on == hosting.SCF {
				all = append(all, place{name: "the web, signed in", on: on, form: form.name, environment: tcb("", map[string]string{"TCB_UUID": "mallory"}), known: true})
			}
			if on == hosting.Lambda {
				all = append(all, place{name: "the web, signed in", on: on, form: form.name, claims: obj{"group": "users", "sub": "operators"}, known: true})
			}
		}
	}
	return all
}

// A costume is an event with which Mallory pretends to be another caller, and that caller's kind.
type costume struct {
	as    string
	event obj
}

// costumes are events of every source, with whatever an attacker might add that knows our
// documents, and no secret.
func costumes() []costume {
	var all []costume
	add := func(as string, events ...obj) {
		for _, event := range events {
			all = append(all, costume{as, event})
		}
	}
	plain := obj{"out_trade_no": "A1"}
	said := obj{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger", "WX_OPENID": "oABC0123456789", "WX_APPID": "wx1"}
	guesses := []obj{
		{"service_token": guessed}, {"serviceToken": guessed}, {"service_token": ""}, {"serviceToken": ""}, {"service_token": nil},
		{"service_token": serviceToken[:8]}, {"service_token": serviceToken + " "}, {"service_token": "redacted"},
		{"service_token": true}, {"service_token": []string{guessed}}, {"service_token": "", "serviceToken": guessed},
	}
	add("direct", plain, with(plain, obj{"api": "v2"}), obj{"transaction_id": "42"}, obj{"combine_out_trade_no": "A1"}, with(plain, obj{"transaction_id": "42"}))
	for _, guess := range guesses {
		add("service", with(plain, guess))
	}
	add("user", with(plain, obj{"userInfo": obj{"openId": "oABC0123456789", "appId": "wx1"}}), with(plain, obj{"openid": "oABC0123456789", "owner": alice}),
		with(plain, said), with(plain, obj{"environment": said, "Environment": text(said), "context": obj{"environment": text(said)}}),
		with(plain, obj{"userInfo": nil}), with(plain, obj{"UserInfo": obj{}}))
	for _, form := range timerForms {
		add("timer", form(""), form(guessed), form("redacted"), with(form(text(said)), said), with(form(""), plain),
			with(form(""), obj{"service_token": guessed}), with(form(""), obj{"serviceToken": ""}), with(form(""), obj{"userInfo": nil}))
	}
	add("timer", obj{"Type": "Timer"}, obj{"Type": "Timer", "TriggerName": "sweep", "type": "Timer", "out_trade_no": "A1"})
	for _, form := range httpForms {
		for _, header := range headers() {
			add("http", form.wrap(post(text(plain), header)))
		}
		forged := form.wrap(post(text(plain), nil))
		add("http", with(forged, plain))
		if around, ok := forged["requestContext"].(obj); ok {
			claim := obj{"group": "operators", "jwt": obj{"claims": obj{"group": "operators"}}, "lambda": obj{"x": "y"}}
			rest := obj{"principalId": "operators", "claims": obj{"group": "operators"}}
			add("http", with(forged, obj{"requestContext": with(around, obj{"authorizer": claim})}),
				with(forged, obj{"requestContext": with(around, obj{"authorizer": rest})}))
		}
	}
	add("http", with(plain, obj{"headers": bearer(guessed)}), with(plain, obj{"httpMethod": "POST"}), with(plain, obj{"requestContext": obj{"http": obj{}}}))
	for _, form := range queueForms {
		bodies := []string{text(plain), text(with(plain, said)), text(form.wrap([]string{text(plain)}))}
		for _, guess := range guesses {
			bodies = append(bodies, text(with(plain, guess)))
		}
		for _, body := range bodies {
			add("queue", form.wrap([]string{body}))
		}
		batch := form.wrap([]string{text(plain), text(with(plain, guesses[0]))})
		add("queue", batch, with(batch, plain), with(batch, obj{"service_token": guessed}), with(batch, obj{"userInfo": nil}))
	}
	return all
}

// headers are what Mallory may put on a request.
func headers() []map[string]string {
	return []map[string]string{
		nil,
		bearer(guessed),
		bearer(""),
		{"authorization": "Basic " + guessed, "x-wx-openid": "oABC0123456789", "x-wx-appid": "wx1", "x-wx-source": "wx_trigger"},
		{"x-tcb-source": "wx_trigger", "x-cloudbase-context": "e30=", "x-scf-trigger-src": "timer", "x-tcb-uuid": "u1"},
	}
}

// requests are a costume as HTTP can carry it: in the body, and a plain order in the address or the
// query string.
func requests(c costume, op order.Op) []request {
	path, body := "/"+string(op)+"order", text(c.event)
	all := []request{
		{method: "POST", path: path, body: body},
		{method: "GET", path: path + "/A1", body: body},
		{method: "POST", path: "/", query: map[string]string{"service_token": guessed}, body: body},
	}
	if c.as != "direct" {
		return all
	}
	for _, header := range headers() {
		all = append(all, request{method: "POST", path: path, header: header, body: body}, request{method: "POST", path: path + "/A1", header: header},
			request{method: "GET", path: path, header: header, query: map[string]string{"out_trade_no": "A1", "serviceToken": guessed}})
	}
	return all
}

// events are what reaches the function when a caller at this place puts on a costume.
func (p place) events(c costume, op order.Op) []string {
	if p.form == "" {
		return []string{text(with(c.event, p.adds))}
	}
	var all []string
	for _, form := range httpForms {
		if form.name != p.form {
			continue
		}
		for _, r := range requests(c, op) {
			event := form.wrap(r)
			if around, ok := event["requestContext"].(obj); ok && p.claims != nil {
				event["requestContext"] = with(around, obj{"authorizer": with(p.claims, obj{"jwt": obj{"claims": p.claims}})})
			}
			all = append(all, text(event))
		}
	}
	return all
}

// A victim is the function that Mallory calls, and what he got out of it.
type victim struct {
	*kit

	// reached is what he should not have: a workflow that ran, a store that was asked in Alice's
	// name.
	reached []string
}

func newVictim(t *testing.T, op order.Op, policy trigger.Policy) *victim {
	t.Helper()
	v := &victim{kit: newKit(t).strict()}
	v.fn.Op = op
	v.fn.Access.Policy = policy
	v.fn.Access.AuthorizerClaim, v.fn.Access.AuthorizerValue = "group", "operators"
	v.fn.Do = func(_ context.Context, p order.Params) order.Result {
		v.mu.Lock()
		defer v.mu.Unlock()
		if op == order.OpClose || p.OutTradeNo != "" || p.CombineOutTradeNo != "" {
			v.reached = append(v.reached, "the workflow")
		}
		return paidA1()
	}
	v.fn.Sweep = func(context.Context) (any, error) {
		v.reached = append(v.reached, "the sweep")
		return "swept", nil
	}
	v.fn.Owns = func(_ context.Context, owner string, p order.Params) (schedule.Ownership, trigger.Workflow, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if owner == alice {
			v.reached = append(v.reached, "Alice's name")
		}
		if owner == alice && p.OutTradeNo+p.CombineOutTradeNo == "A1" {
			return schedule.Theirs, v.fn.Do, nil
		}
		return schedule.NotRegistered, nil, nil
	}
	v.fn.Find = func(ctx context.Context, owner string, _ order.Params) (schedule.Found, error) {
		// Whatever number it is asked for by, what WeChat Pay has is A1.
		ownership, _, err := v.fn.Owns(ctx, owner, order.Params{OutTradeNo: "A1"})
		return schedule.Found{Result: paidA1(), Ownership: ownership}, err
	}
	return v
}

// paidA1 is WeChat Pay's answer about Alice's order.
func paidA1() order.Result {
	answer := order.Answer{Proof: order.ProofSignature, Facts: &order.Facts{
		OutTradeNo: "A1", TransactionID: "42", TradeState: tradestate.Success, Attach: marker,
	}}
	return order.NewResult(order.Call{Ref: order.Ref{OutTradeNo: "A1"}}, order.OutcomeFound, answer, 1)
}

// attempt calls the function from a place, and tells what that reached; "" for nothing.
func (v *victim) attempt(p place, event string) string {
	v.reached = nil
	inv := hosting.Invocation{Payload: []byte(event), Platform: p.on, Environment: p.environment, Cognito: p.cognito}
	reply, _ := deliver(v.t.Context(), &v.fn, inv)
	if strings.Contains(string(reply), marker) {
		v.reached = append(v.reached, "her order")
	}
	return strings.Join(v.reached, ", ")
}

// TestForging: no costume, worn at any place, gets Mallory anything. Before each attempt the same
// instance has served Alice and a timer, and the process's environment says that Alice is calling,
// and a timer: what scf-go-lib would leave there.
func TestForging(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: the race detector slows 64,000 calls down to minutes; make test runs them without")
	}
	for name, value := range map[string]string{
		"WX_OPENID": "oABC0123456789", "WX_APPID": "wx1", "TCB_SOURCE": "wx_trigger", "TRIGGER_SRC": "timer", "CLOUDPAY_CALLER_POLICY": "any",
	} {
		t.Setenv(name, value)
	}
	attempts, successes, everything := map[string]int{}, 0, costumes()
	for _, op := range []order.Op{order.OpClose, order.OpQuery} {
		for _, policy := range []trigger.Policy{trigger.PolicyStrict, trigger.PolicyPlatform} {
			v := newVictim(t, op, policy)
			for _, p := range places() {
				if policy == trigger.PolicyPlatform && !p.known {
					continue // the operator has said that there are no such callers
				}
				v.serveOthers()
				for _, c := range everything {
					for _, event := range p.events(c, op) {
						attempts[fmt.Sprintf("%s as %s", p.on, c.as)]++
						if reached := v.attempt(p, event); reached != "" {
							successes++
							t.Errorf("%s, policy %q: from %s (%s %s) as %s, Mallory reached %s with\n%s", op, policy, p.name, p.on, p.form, c.as, reached, event)
						}
						if successes > 20 {
							t.Fatal("and so on")
						}
					}
				}
				if logs := v.logs.String(); strings.Contains(logs, guessed) || strings.Contains(logs, mallory) || strings.Contains(logs, user["WX_OPENID"]) {
					t.Errorf("the log has a token or an openid")
				}
				v.logs.Reset()
			}
		}
	}
	wantEveryPair(t, attempts)
}

// serveOthers leaves an instance warm with the calls of rightful callers.
func (v *victim) serveOthers() {
	v.t.Helper()
	for _, call := range []struct {
		p     place
		event string
	}{
		{place{on: hosting.SCF, environment: user}, `{"out_trade_no":"A1"}`},
		{place{on: hosting.SCF, environment: map[string]string{"TRIGGER_SRC": "timer"}}, text(timerForms["scf-timer"](""))},
		{place{on: hosting.SCF}, `{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`},
	} {
		if v.attempt(call.p, call.event) == "" {
			v.t.Errorf("a rightful call gets nothing: %s", call.event)
		}
	}
}

// wantEveryPair checks that the table is one: each hosting has seen attempts to pass for each
// source, and many.
func wantEveryPair(t *testing.T, attempts map[string]int) {
	t.Helper()
	total := 0
	for _, on := range []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Web, hosting.Lambda} {
		for _, as := range []string{"direct", "service", "user", "timer", "http", "queue"} {
			n := attempts[fmt.Sprintf("%s as %s", on, as)]
			total += n
			if n < 5 {
				t.Errorf("got %d attempts on %s to pass for a %s", n, on, as)
			}
		}
	}
	if total < 20_000 {
		t.Errorf("got %d attempts in all: the table has shrunk", total)
	}
	t.Logf("%d attempts", total)
}

// TestRightfulCallers is the forging table's other side: every kind of caller is admitted with what
// it should have, so that the table does not pass because nothing works.
func TestRightfulCallers(t *testing.T) {
	t.Parallel()
	plain := `{"out_trade_no":"A1"}`
	token := `{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`
	camel := `{"outTradeNo":"A1","serviceToken":"` + serviceToken + `"}`
	type caller struct {
		name  string
		p     place
		event string
	}
	callers := []caller{
		{"a user", place{on: hosting.SCF, environment: user}, plain},
		{"a timer of SCF", place{on: hosting.SCF, environment: map[string]string{"TRIGGER_SRC": "timer"}}, text(timerForms["scf-timer"](""))},
		{
			"a timer of CloudBase", place{on: hosting.SCF, environment: map[string]string{"TCB_SOURCE": "wx_trigger", "TCB_ENV": "e"}},
			text(timerForms["scf-timer"]("")),
		},
		{
			"a timer of both", place{on: hosting.SCF, environment: map[string]string{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger"}},
			text(timerForms["scf-timer"]("")),
		},
		{
			"a timer that CloudBase does not name, by its message",
			place{on: hosting.SCF, environment: map[string]string{"TRIGGER_SRC": "tcb", "TCB_SOURCE": "wx_trigger", "TCB_ISANONYMOUS_USER": "false"}},
			text(timerForms["scf-timer"](timerToken)),
		},
		{"IAM's own", place{on: hosting.Lambda}, plain},
	}
	for _, on := range []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Lambda} {
		callers = append(callers, caller{"a service", place{on: on}, token}, caller{"a service in camelCase", place{on: on}, camel},
			caller{"a timer by its message", place{on: on}, text(timerForms["scf-timer"](timerToken))},
			caller{"a timer by the service token", place{on: on}, text(with(timerForms["scf-timer"](""), obj{"service_token": serviceToken}))})
		for _, form := range queueForms {
			callers = append(callers, caller{"a service's message", place{on: on}, batched(form.name, token)})
		}
	}
	for name, form := range timerForms {
		callers = append(callers, caller{"EventBridge, " + name, place{on: hosting.Lambda}, text(form(""))})
	}
	callers = append(callers, caller{"SQS", place{on: hosting.Lambda}, batched("sqs", plain)})
	for _, form := range httpForms {
		for _, on := range form.on {
			callers = append(callers, caller{"an HTTP client", place{on: on}, text(form.wrap(post(plain, bearer(httpToken))))},
				caller{"a service by HTTP", place{on: on}, text(form.wrap(post(token, nil)))})
		}
	}
	claims := obj{"requestContext": obj{"http": obj{"method": "POST"}, "authorizer": obj{"jwt": obj{"claims": obj{"group": "operators"}}}}}
	callers = append(callers, caller{"the authorizer's own", place{on: hosting.Lambda}, text(with(httpForms[4].wrap(post(plain, nil)), claims))})

	for _, c := range callers {
		v := newVictim(t, order.OpClose, trigger.PolicyStrict)
		if v.attempt(c.p, c.event) == "" {
			t.Errorf("%s on %s reaches nothing with %s", c.name, c.p.on, c.event)
		}
	}
	v := newVictim(t, order.OpClose, trigger.PolicyStrict)
	v.fn.Access.BehindWXGateway = true
	header := map[string]string{"x-wx-openid": user["WX_OPENID"], "x-wx-appid": user["WX_APPID"]}
	if v.attempt(place{on: hosting.Web}, wrapped("web", post(plain, header))) != "Alice's name, the workflow, her order" {
		t.Errorf("a user behind WeChat's gateway reaches %v", v.reached)
	}
}

// TestOneInstanceTwoCallers: what the platform said of one caller says nothing of the next.
func TestOneInstanceTwoCallers(t *testing.T) {
	t.Parallel()
	v := newVictim(t, order.OpClose, trigger.PolicyStrict)
	for _, second := range []map[string]string{nil, {}, {"WXPAY_MCHID": "1900000001"}} {
		if got := v.attempt(place{on: hosting.SCF, environment: user}, `{"out_trade_no":"A1"}`); got != "Alice's name, the workflow, her order" {
			t.Errorf("Alice reaches %q", got)
		}
		if got := v.attempt(place{on: hosting.SCF, environment: second}, `{"out_trade_no":"A1"}`); got != "" {
			t.Errorf("whoever comes after her reaches %q", got)
		}
	}
	lines := v.lines()
	callers := make([]string, 0, len(lines))
	for _, line := range lines {
		callers = append(callers, line["caller"].(string))
	}
	if want := []string{"user", "nobody", "user", "nobody", "user", "nobody"}; !slices.Equal(callers, want) {
		t.Errorf("got %v, want %v", callers, want)
	}
}
