package trigger

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/accesstoken"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/trigger/event"
)

// Alice has the order A1. Mallory knows her openid, her uid and every document, and has a
// mini-program, an account of his own in her environment, and no secret. The table lets him call
// through every door, with every header that he may write there, under every setting that an
// operator may have made. What the door's platform writes, he may not.

const (
	aliceOpenID, malloryOpenID = "oALICE0123456789abcdef", "oMALLORY0123456789abcd"
	aliceUID, malloryUID       = "alice-uid-0123456789", "mallory-uid-012345678"
	ourEnv                     = "shop-1a2b"
	neutral                    = "pay.shop.example" // a Host that tells nothing
)

type headers = map[string]string

// A way is a door as the function sees it: what its platform writes into each request.
type way struct {
	name     string
	platform hosting.Platform
	host     string
	writes   headers
	// identity reports that the platform writes the x-wx- headers itself; vouches, that it writes
	// x-cloudbase-context.
	identity, vouches bool
}

// ways are all doors, and each trace of one by itself: what is in between may take the others away.
func ways() []way {
	wx := headers{"x-wx-openid": malloryOpenID, "x-wx-appid": "wx1", "x-wx-source": "wx_client"}
	his := headers{contextHeader: contextOf(map[string]any{"envId": ourEnv, "userId": malloryUID, "userType": "anonymous"})}
	all := []way{
		{name: "callHTTPFunction", platform: hosting.Web, host: neutral, writes: wx, identity: true},
		{name: "HTTP API", platform: hosting.Web, host: ourEnv + ".api.tcloudbasegateway.com"},
		{name: "HTTP API abroad", platform: hosting.Web, host: ourEnv + ".api.intl.tcloudbasegateway.com:443"},
		{name: "access service", platform: hosting.Web, host: ourEnv + "-1250000000.ap-shanghai.app.tcloudbase.com"},
		{name: "access service, old", platform: hosting.Web, host: ourEnv + ".service.TCLOUDBASE.com"},
		{name: "access service with enableAuth", platform: hosting.Web, host: ourEnv + ".service.tcloudbase.com", writes: his, vouches: true},
		{name: "container's public host", platform: hosting.Web, host: "pay-1-1250000000.sh.run.tcloudbase.com"},
		{name: "custom domain", platform: hosting.Web, host: neutral, writes: headers{"x-forwarded-host": neutral, "x-forwarded-for": "1.2.3.4"}},
		{name: "custom domain, Forwarded", platform: hosting.Web, host: neutral, writes: headers{"forwarded": "for=1.2.3.4;Host=pay.shop.example"}},
		{name: "custom domain with enableAuth", platform: hosting.Web, host: neutral, writes: his, vouches: true},
		{name: "old credentials", platform: hosting.Web, host: neutral, writes: headers{"x-cloudbase-credentials": "@@x"}},
		{name: "function URL", platform: hosting.Web, host: "1250000000-abc.ap-guangzhou.tencentscf.com"},
		{name: "API gateway", platform: hosting.Web, host: "service-abc-1250000000.gz.apigw.tencentcs.com"},
		{name: "integration centre", platform: hosting.Web, host: neutral, writes: headers{"x-tcb-integration-id": "i1"}},
		{name: "somewhere with a login", platform: hosting.Web, host: neutral, writes: headers{"authorization": "Basic eDp5"}},
		{name: "bare", platform: hosting.Web, host: neutral, writes: headers{"x-forwarded-for": "1.2.3.4"}},
	}
	for _, platform := range []hosting.Platform{hosting.SCF, hosting.SCFCustom, hosting.Lambda} {
		all = append(all, way{name: "an event on " + string(platform), platform: platform, host: neutral})
	}
	return all
}

// settings are what an operator may have set, whether or not it is true of the ways that exist.
type settings struct {
	name   string
	access Access
	// tells reports that the setting leaves a request of that way a trace to be told by.
	tells func(way) bool
}

func allSettings(logins Logins) []settings {
	always := func(way) bool { return true }
	secrets := Access{Service: NewToken("service-0123456789"), HTTP: NewToken("http-0123456789abc"), Timer: NewToken("timer-0123456789ab")}
	with := func(change func(a *Access)) Access {
		a := secrets
		change(&a)
		return a
	}
	gateway := func(a *Access) { a.BehindWXGateway = true }
	hosts := func(a *Access) { a.BehindWXGateway, a.WXHosts = true, []string{"pay.internal"} }
	login := func(a *Access) { a.Logins, a.LoginEnv = logins, ourEnv }
	// Without CLOUDPAY_WX_HOSTS a door that leaves no trace at all cannot be told: docs/callers.md.
	traced := func(w way) bool { return w.name != "bare" }
	// The setting says that every public door is a route with enableAuth, where the platform
	// replaces the client's header.
	routed := func(w way) bool {
		return w.vouches || w.identity || w.platform != hosting.Web || w.name == "function URL" || w.name == "API gateway" ||
			w.name == "integration centre" || strings.HasPrefix(w.name, "HTTP API")
	}
	return []settings{
		{"secrets", secrets, always},
		{"nothing", Access{}, always},
		{"gateway", with(gateway), traced},
		{"gateway and hosts", with(hosts), always},
		{"logins", with(login), always},
		{"gateway and logins", with(func(a *Access) { gateway(a); login(a) }), traced},
		{"gateway, hosts and logins", with(func(a *Access) { hosts(a); login(a) }), always},
		{"context", with(func(a *Access) { a.CloudBaseContext = true }), routed},
		{"context and logins", with(func(a *Access) { a.CloudBaseContext = true; login(a) }), routed},
	}
}

// contextOf is an x-cloudbase-context header, packed as the platform does.
func contextOf(fields map[string]any) string {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	text, _ := json.Marshal(fields)
	_, _ = w.Write(text)
	_ = w.Close()
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

// forgeries are headers that Mallory may add: every identity in the place of every other, and with
// a signer every token.
func forgeries(signer *signer) []headers {
	plain := func(fields map[string]any) string {
		text, _ := json.Marshal(fields)
		return base64.StdEncoding.EncodeToString(text)
	}
	hers := map[string]any{"envId": ourEnv, "userId": aliceUID, "userType": "external"}
	herWX := map[string]any{"envId": ourEnv, "wechatContext": map[string]any{"appId": "wx1", "openId": aliceOpenID}}
	wx := []headers{
		{},
		{"x-wx-openid": aliceOpenID, "x-wx-appid": "wx1"},
		{"x-wx-openid": aliceOpenID, "x-wx-appid": "wx1", "x-wx-source": "wx_client", "x-wx-env": ourEnv, "x-wx-unionid": "u"},
		{"x-wx-openid": aliceOpenID},
		{"x-wx-openid": aliceOpenID + "," + aliceOpenID, "x-wx-appid": "wx1,wx1"},
		{"x-wx-from-openid": aliceOpenID, "x-wx-from-appid": "wx1", "x-authmethod": "WX_SERVER_AUTH"},
	}
	contexts := []headers{
		{}, {contextHeader: contextOf(hers)}, {contextHeader: plain(hers)}, {contextHeader: contextOf(herWX)}, {contextHeader: plain(herWX)},
		{contextHeader: contextOf(hers) + "," + contextOf(hers)},
	}
	var all []headers
	for _, a := range wx {
		for _, b := range contexts {
			all = append(all, joined(a, b))
		}
	}
	if signer == nil {
		return all
	}
	var tokens []headers
	for _, token := range signer.forged() {
		tokens = append(tokens, headers{"authorization": "Bearer " + token})
	}
	tokens = append(tokens, headers{"authorization": ""}, headers{"authorization": "Bearer"}, headers{"authorization": "Basic x"},
		headers{"cloudpay-service-token": "guess-0123456789"}, headers{"x-cloudbase-credentials": signer.mallorys()})
	for _, a := range wx[:2] {
		for _, b := range contexts[:2] {
			for _, c := range tokens {
				all = append(all, joined(a, b, c))
			}
		}
	}
	return all
}

func joined(all ...headers) headers {
	h := headers{}
	for _, one := range all {
		maps.Copy(h, one)
	}
	return h
}

// signer is the environment's auth service, and what an attacker makes of what it shows.
type signer struct{ key, other *rsa.PrivateKey }

var newSigner = sync.OnceValue(func() *signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	other, err2 := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil || err2 != nil {
		panic("no keys")
	}
	return &signer{key, other}
})

var tokensIssued = time.Unix(1795912200, 0)

// RoundTrip lists the key, as /auth/v1/certs does.
func (s *signer) RoundTrip(*http.Request) (*http.Response, error) {
	e := base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes())
	n := base64.RawURLEncoding.EncodeToString(s.key.N.Bytes())
	body := `{"keys":[{"kty":"RSA","alg":"RS256","use":"sig","kid":"k1","n":"` + n + `","e":"` + e + `"}]}`
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func (s *signer) verifier() *accesstoken.Verifier {
	return &accesstoken.Verifier{
		Env: ourEnv, HTTPClient: &http.Client{Transport: s}, Now: func() time.Time { return tokensIssued.Add(time.Minute) },
	}
}

// token is a token with changes to its claims and header.
func (s *signer) token(key *rsa.PrivateKey, header, changes map[string]any) string {
	head := map[string]any{"alg": "RS256", "kid": "k1"}
	maps.Copy(head, header)
	claims := map[string]any{
		"iss": "https://" + ourEnv + ".ap-shanghai.tcb-api.tencentcloudapi.com", "aud": ourEnv, "project_id": ourEnv,
		"iat": tokensIssued.Unix(), "exp": tokensIssued.Add(2 * time.Hour).Unix(), "sub": aliceUID, "user_type": "external",
	}
	maps.Copy(claims, changes)
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := part(head) + "." + part(claims)
	sum := sha256.Sum256([]byte(input))
	signature, _ := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	switch head["alg"] {
	case "none":
		signature = nil
	case "HS256":
		mac := hmac.New(sha256.New, key.N.Bytes())
		mac.Write([]byte(input))
		signature = mac.Sum(nil)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// mallorys is his own good token.
func (s *signer) mallorys() string { return s.token(s.key, nil, map[string]any{"sub": malloryUID}) }

// forged are tokens in Alice's name, and those that are no user's.
func (s *signer) forged() []string {
	good := s.mallorys()
	hers := s.token(s.other, nil, nil)
	mixed := hers[:strings.LastIndexByte(hers, '.')] + good[strings.LastIndexByte(good, '.'):]
	type m = map[string]any
	return []string{
		hers, mixed,
		s.token(s.key, m{"alg": "none"}, nil),
		s.token(s.key, m{"alg": "HS256"}, nil),
		s.token(s.other, m{"jku": "https://attacker.example/certs"}, nil),
		s.token(s.other, m{"kid": "k2"}, nil),
		s.token(s.key, nil, m{"exp": tokensIssued.Unix() - 3600}),
		s.token(s.key, nil, m{"aud": "other", "project_id": "other", "iss": "https://other.ap-shanghai.tcb-api.tencentcloudapi.com"}),
		s.token(s.key, nil, m{"user_type": "anonymous"}),
		s.token(s.key, nil, m{"exp": 4070908800, "meta": m{"platform": "PublishableKey"}}),
		s.token(s.key, nil, m{"sub": "anon", "role": "anon"}),
		good, "a.b.c", "guess-Xy81LkQw03Ns5Vbt",
	}
}

// attempt sends one request, and returns what Mallory got of Alice's; "" for nothing. The answer is
// the whole of what he was told.
func attempt(t *testing.T, op order.Op, w way, h headers, a Access) (got string, answer string) {
	t.Helper()
	header := maps.Clone(h)
	if w.identity {
		maps.DeleteFunc(header, func(name, _ string) bool { return strings.HasPrefix(name, "x-wx-") })
	}
	for name, value := range w.writes {
		if _, sent := header[name]; !sent || w.identity || w.vouches {
			header[name] = value
		}
	}
	header["host"] = w.host
	var reached []string
	f := &Function{
		Op: op, Access: a, Log: slog.New(slog.DiscardHandler),
		Do: func(context.Context, order.Params) order.Result {
			reached = append(reached, "her order")
			return order.Result{}
		},
	}
	f.Owns = func(_ context.Context, owner string, _ order.Params) (schedule.Ownership, Workflow, error) {
		if owner == "wx:wx1:"+aliceOpenID || owner == "tcb:"+aliceUID {
			reached = append(reached, "her name")
			return schedule.Theirs, f.Do, nil
		}
		return schedule.NotRegistered, nil, nil
	}
	request := hosting.Request{Method: http.MethodPost, Path: "/" + pathOf(op), Header: header, Body: []byte(`{"out_trade_no":"A1"}`)}
	inv := hosting.Invocation{Platform: w.platform}
	if w.platform == hosting.Web {
		inv.Withheld = a.Standing(request) == hosting.Refused
	}
	e := event.Event{Kind: event.HTTP, Form: "test", HTTPShaped: true, Request: request}
	response, err := f.invocation(inv, e, nil).handleRequest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(response)
	return strings.Join(reached, ", "), string(text)
}

// forgeThroughDoors makes every attempt, and returns how many there were and which reached
// something.
func forgeThroughDoors(
	t *testing.T, op order.Op, every []headers, stopAt int,
) (rows int, reached []string, answers map[string]int) {
	t.Helper()
	answers = map[string]int{}
	for _, set := range allSettings(newSigner().verifier()) {
		for _, w := range ways() {
			if !set.tells(w) {
				continue
			}
			for _, h := range every {
				rows++
				got, answer := attempt(t, op, w, h, set.access)
				answers[answer]++
				if got == "" {
					continue
				}
				names := slices.Sorted(maps.Keys(h))
				reached = append(reached, set.name+": through "+w.name+", with "+strings.Join(names, " ")+": "+got)
				if len(reached) >= stopAt {
					return rows, reached, answers
				}
			}
		}
	}
	return rows, reached, answers
}

// TestForgedDoors: through no door, with no header, under no setting does Mallory get at anything
// of Alice's, and everything that he is told is one of three answers: he may not; he may not, and
// his token is a wrong service token; there is no such order.
func TestForgedDoors(t *testing.T) {
	total := 0
	for op, every := range map[order.Op][]headers{order.OpClose: forgeries(newSigner()), order.OpQuery: forgeries(nil)} {
		rows, reached, answers := forgeThroughDoors(t, op, every, 20)
		for _, what := range reached {
			t.Errorf("%s: %s", op, what)
		}
		if len(answers) > 3 {
			t.Errorf("%s: got %d answers, want three at most: %v", op, len(answers), slices.Collect(maps.Keys(answers)))
		}
		t.Logf("%s: %d rows, %d let in, %d answers", op, rows, len(reached), len(answers))
		total += rows
	}
	if total < 10_000 {
		t.Errorf("got %d rows, want 10,000: the table has shrunk", total)
	}
}

// TestEveryGuardIsNeeded takes each rule away in turn: without it, Mallory gets in.
func TestEveryGuardIsNeeded(t *testing.T) {
	for name, guards := range map[string]*[]guard{"X-WX-OPENID": &wxGuards, "x-cloudbase-context": &contextGuards} {
		whole := *guards
		for n, removed := range whole {
			*guards = slices.Delete(slices.Clone(whole), n, n+1)
			_, reached, _ := forgeThroughDoors(t, order.OpClose, forgeries(nil), 1)
			*guards = whole
			if len(reached) == 0 {
				t.Errorf("%s: without the rule %q everything is refused all the same: no row needs it", name, removed.name)
			}
		}
	}
}

// TestDoorsThatOpen is the table's other side: each identity counts where its setting is true.
func TestDoorsThatOpen(t *testing.T) {
	s := newSigner()
	hers := contextOf(map[string]any{"envId": ourEnv, "userId": aliceUID, "userType": "external"})
	herWX := contextOf(map[string]any{"envId": ourEnv, "wechatContext": map[string]any{"appId": "wx1", "openId": aliceOpenID}})
	wx := headers{"x-wx-openid": aliceOpenID, "x-wx-appid": "wx1", "x-forwarded-for": "1.2.3.4"}
	token := headers{"authorization": "Bearer " + s.token(s.key, nil, nil)}
	for name, c := range map[string]struct {
		platform hosting.Platform
		host     string
		header   headers
		access   Access
	}{
		"callHTTPFunction":               {hosting.Web, neutral, wx, Access{BehindWXGateway: true}},
		"callHTTPFunction, by its host":  {hosting.Web, "PAY.internal.:9000", wx, Access{BehindWXGateway: true, WXHosts: []string{"pay.internal"}}},
		"a route with enableAuth":        {hosting.Web, "x.service.tcloudbase.com", headers{contextHeader: hers}, Access{CloudBaseContext: true, LoginEnv: ourEnv}},
		"the same, a mini-program's":     {hosting.Web, neutral, headers{contextHeader: herWX}, Access{CloudBaseContext: true}},
		"a token by the HTTP API":        {hosting.Web, "x.api.tcloudbasegateway.com", token, Access{Logins: s.verifier()}},
		"a token by a function URL":      {hosting.Web, "x.tencentscf.com", token, Access{Logins: s.verifier()}},
		"a token in an event":            {hosting.SCF, neutral, token, Access{Logins: s.verifier()}},
		"a token on Lambda":              {hosting.Lambda, neutral, token, Access{Logins: s.verifier()}},
		"a token beside a gateway's set": {hosting.Web, neutral, token, Access{Logins: s.verifier(), BehindWXGateway: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := attempt(t, order.OpClose, way{platform: c.platform, host: c.host}, c.header, c.access)
			if got != "her name, her order" {
				t.Errorf("got %q, want her name and her order", got)
			}
		})
	}
}

// TestTracesAreLogged: the log names the trace that refused an identity header, and neither header
// nor token is in the log or in the answer.
func TestTracesAreLogged(t *testing.T) {
	s := newSigner()
	forgedContext := contextOf(map[string]any{"envId": ourEnv, "userId": aliceUID, "userType": "external"})
	for want, header := range map[string]headers{
		"the header authorization is a trace":       {"authorization": "Basic c2VjcmV0LXNlY3JldA==", "x-wx-openid": aliceOpenID, "x-wx-appid": "wx1"},
		"the header x-cloudbase-context is a trace": {contextHeader: forgedContext, "x-wx-openid": aliceOpenID, "x-wx-appid": "wx1"},
		"a Host of tcloudbase's":                    {"host": "x.tcloudbase.com", "x-wx-openid": aliceOpenID, "x-wx-appid": "wx1"},
		"CLOUDPAY_CLOUDBASE_CONTEXT is not set":     {contextHeader: forgedContext},
		"signature is wrong":                        {"authorization": "Bearer " + s.token(s.other, nil, nil)},
		"anonymous session":                         {"authorization": "Bearer " + s.token(s.key, nil, map[string]any{"sub": "anon"})},
		"are no user's name":                        {"x-wx-openid": aliceOpenID},
	} {
		var log bytes.Buffer
		f := &Function{
			Op: order.OpClose, Log: slog.New(slog.NewJSONHandler(&log, nil)),
			Access: Access{BehindWXGateway: true, Logins: s.verifier()},
		}
		request := hosting.Request{Method: http.MethodPost, Path: "/closeorder", Header: header, Body: []byte(`{"out_trade_no":"A1"}`)}
		response, err := f.HandleHTTP(t.Context(), hosting.Invocation{Platform: hosting.Web}, request)
		if err != nil || response.Status != http.StatusUnauthorized || !strings.Contains(log.String(), want) {
			t.Errorf("got %d %v and the log %s, want 401 and %q", response.Status, err, log.String(), want)
		}
		answer, _ := json.Marshal(response)
		for name, value := range header {
			_, token, _ := strings.Cut(value, " ")
			for _, secret := range []string{value, token} {
				if len(secret) > 8 && name != "host" && strings.Contains(log.String()+string(answer)+string(response.Body), secret) {
					t.Errorf("the header %s is in the log or the answer: %s", name, log.String())
				}
			}
		}
	}
}

// TestReadContext: what the platform's own reader takes is read, plain JSON as well, and anything
// else is nothing.
func TestReadContext(t *testing.T) {
	const reference = "H4sIAAAAAAACA6tWSs0r80xRslIqzsgv0DVMNEpS0lEqzi8tSk4FCibnZKbmlQBFSotTi8DKSnXNzYH88tTkjMQS5/y8ktSKEiWraqXEggKwfHmFoZGxiamZuYWlQWJSckpqGlB1fkFqHlg239U31AArMEwE2ZKXmQ9RqFRbCwBf6v29mwAAAA=="
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 200 {
		_, _ = w.Write(make([]byte, 1<<10))
	}
	_ = w.Close()
	b64 := base64.StdEncoding.EncodeToString
	for name, c := range map[string]struct {
		value string
		ok    bool
		want  string // the mini-program's user
	}{
		"the reference":       {reference, true, "wx1234567890abcdef oEMU00000000000000000000001a"},
		"without its padding": {strings.TrimRight(reference, "="), true, "wx1234567890abcdef oEMU00000000000000000000001a"},
		"plain JSON":          {b64([]byte(`{"wechatContext":{"appId":"wx1","openId":"oABC"}}`)), true, "wx1 oABC"},
		"an empty object":     {b64([]byte(`{}`)), true, " "},
		"no base64":           {"{}", false, ""},
		"no JSON":             {b64([]byte("x")), false, ""},
		"half of it":          {reference[:100], false, ""},
		"a list":              {b64([]byte("[]")), false, ""},
		"a bomb":              {b64(bomb.Bytes()), false, ""},
		"too long":            {b64([]byte(`{"a":"` + strings.Repeat("x", 20<<10) + `"}`)), false, ""},
		"nothing":             {"", false, ""},
	} {
		got, ok := readContext(c.value)
		if ok != c.ok || ok && got.WeChat.AppID+" "+got.WeChat.OpenID != c.want {
			t.Errorf("%s: got %+v, %t, want %q, %t", name, got.WeChat, ok, c.want, c.ok)
		}
	}
}

// TestContextOwner: only a registered user, or a mini-program's, of the environment has an owner.
func TestContextOwner(t *testing.T) {
	type m = map[string]any
	for name, c := range map[string]struct {
		fields m
		want   string
	}{
		"a registered user":             {m{"envId": ourEnv, "userId": "u1", "userType": "external"}, "tcb:u1"},
		"an internal one":               {m{"envId": ourEnv, "userId": "u1", "userType": "INTERNAL", "isAdministrator": false}, "tcb:u1"},
		"a mini-program's":              {m{"envId": ourEnv, "wechatContext": m{"appId": "wx1", "openId": "oABC"}}, "wx:wx1:oABC"},
		"an anonymous one":              {m{"envId": ourEnv, "userId": "u1", "userType": "anonymous"}, ""},
		"of no type":                    {m{"envId": ourEnv, "userId": "u1"}, ""},
		"the publishable key's":         {m{"envId": ourEnv, "userId": "anon", "userType": "external"}, ""},
		"an administrator":              {m{"envId": ourEnv, "userId": "u1", "userType": "external", "isAdministrator": true}, ""},
		"an administrator, as text":     {m{"envId": ourEnv, "userId": "u1", "userType": "external", "isAdministrator": "true"}, ""},
		"of another environment":        {m{"envId": "other", "userId": "u1", "userType": "external"}, ""},
		"of no environment":             {m{"userId": "u1", "userType": "external"}, ""},
		"of no name":                    {m{"envId": ourEnv, "userType": "external"}, ""},
		"of two names":                  {m{"envId": ourEnv, "userId": "wx1:oABC", "userType": "external"}, ""},
		"a mini-program's of no appid":  {m{"envId": ourEnv, "wechatContext": m{"openId": "oABC"}}, ""},
		"a mini-program's, not by user": {m{"envId": ourEnv, "userId": "u1", "userType": "external", "wechatContext": m{"openId": "oABC"}}, ""},
	} {
		owner, why := Access{LoginEnv: ourEnv}.contextOwner(contextOf(c.fields))
		if owner != c.want || (why == "") != (c.want != "") {
			t.Errorf("%s: got %q (%s), want %q", name, owner, why, c.want)
		}
	}
}

// TestLoginStandings: a head with a user's token is Named by the keys that are held; a token whose
// key is unknown is Unproved until a fetch could tell, and Refused once one has told.
func TestLoginStandings(t *testing.T) {
	s := newSigner()
	now := tokensIssued.Add(time.Minute)
	v := s.verifier()
	v.Now = func() time.Time { return now }
	a := Access{Logins: v}
	standing := func(token string) hosting.Standing {
		return a.Standing(hosting.Request{Method: http.MethodPost, Path: "/closeorder", Header: headers{"authorization": "Bearer " + token}})
	}
	good, unknown, forged := s.token(s.key, nil, nil), s.token(s.other, map[string]any{"kid": "k2"}, nil), s.token(s.other, nil, nil)
	want := func(name string, got, want hosting.Standing) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	want("before the first fetch", standing(good), hosting.Unproved)
	if owner, err := v.Owner(t.Context(), good); err != nil || owner == "" {
		t.Fatalf("got %q and %v", owner, err)
	}
	want("a user", standing(good), hosting.Named)
	want("a forged one", standing(forged), hosting.Refused)
	want("an unknown key, just fetched", standing(unknown), hosting.Refused)
	want("no token of ours", standing("guess-0123456789"), hosting.Refused)
	now = now.Add(time.Minute)
	want("an unknown key, a minute later", standing(unknown), hosting.Unproved)
}
