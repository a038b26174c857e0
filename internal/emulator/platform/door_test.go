package platform_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// arrived is what a web function sees of a request.
func (c *cloud) arrived(method, path string, header ...string) (host, target string, seen http.Header) {
	c.t.Helper()
	var got report
	wantJSON(c.t, c.send(method, path, `{"Do":"report"}`, header...).body, &got)
	parts := strings.SplitN(got.Request, " ", 3)
	if len(parts) != 3 || parts[0] != method {
		c.t.Fatalf("%s %s: got the request %q", method, path, got.Request)
	}
	return parts[1], parts[2], got.Header
}

// token is an access token of a user, by the auth service's answer.
func (c *cloud) token(path, body string) string {
	c.t.Helper()
	var got struct {
		Type  string `json:"token_type"`
		Token string `json:"access_token"`
	}
	wantJSON(c.t, c.send(http.MethodPost, path, body).body, &got)
	if got.Type != "Bearer" || strings.Count(got.Token, ".") != 2 {
		c.t.Fatalf("%s %s: got %+v, want a token", path, body, got)
	}
	return got.Token
}

// Each door has its own Host and identity; the public ones leave a client's x-wx- headers alone.
func TestDoors(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1", AppID: "wx1"}, as(platform.Web))
	token := c.token("/v1/logins", `{"sub":"u-77"}`)
	for name, q := range map[string]struct {
		path         string
		header       []string
		host, target string
		want         map[string]string // "": the header is not there
	}{
		"callHTTPFunction": {
			"/wx/hello/queryorder/A%2F1?x=1", []string{"X-WX-OPENID", "oABC", "X-WX-UNIONID", "forged", "X-WX-SOURCE", "forged"},
			"hello.env-1.internal", "/queryorder/A%2F1?x=1",
			map[string]string{"X-Wx-Openid": "oABC", "X-Wx-Appid": "wx1", "X-Wx-Source": "wx_client", "X-Wx-Env": "env-1", "X-Wx-Unionid": ""},
		},
		"callHTTPFunction, with a login of the client's": {
			"/wx/hello/", []string{"X-WX-OPENID", "oABC", "Authorization", "Bearer x"}, "hello.env-1.internal", "/",
			map[string]string{"X-Wx-Openid": "oABC", "Authorization": "Bearer x"},
		},
		"HTTP API": {
			"/v1/functions/hello?webfn=true", []string{"Authorization", "Bearer " + token, "X-WX-OPENID", "forged"},
			"env-1.api.tcloudbasegateway.com", "/", map[string]string{"X-Wx-Openid": "forged", "Authorization": "Bearer " + token},
		},
		"access service": {
			"/tcb/hello/a?x=1", []string{"X-WX-OPENID", "forged", "X-Cloudbase-Context", "forged"},
			"env-1-1250000000.ap-guangzhou.app.tcloudbase.com", "/a?x=1",
			map[string]string{"X-Wx-Openid": "forged", "X-Cloudbase-Context": "forged", "X-Forwarded-For": "127.0.0.1"},
		},
		"function URL": {
			"/http/hello/a", []string{"X-WX-OPENID", "forged"}, "1250000000-hello.ap-guangzhou.tencentscf.com", "/a",
			map[string]string{"X-Wx-Openid": "forged"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			host, target, header := c.arrived(http.MethodPost, q.path, q.header...)
			if host != q.host || target != q.target {
				t.Errorf("got %s %s, want %s %s", host, target, q.host, q.target)
			}
			for name, want := range q.want {
				if got := header.Get(name); got != want {
					t.Errorf("%s: got %q, want %q", name, got, want)
				}
			}
		})
	}
	c.wantFailure(c.send(http.MethodPost, "/wx/nope/", "{}", "X-WX-OPENID", "oABC"), 400, "FUNCTION_NOT_FOUND", `"nope"`)
	c.wantFailure(c.send(http.MethodPost, "/wx/hello/", "{}"), 400, "FUNCTION_PARAM_INVALID", "X-WX-OPENID")
}

// A route with enableAuth admits users and the publishable key, and says so in a context of its
// own.
func TestRoutesWithEnableAuth(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1"}, as(platform.Web))
	for name, q := range map[string]struct{ token, user, kind string }{
		"a user":              {c.token("/v1/logins", `{"sub":"u-77"}`), "u-77", "external"},
		"the publishable key": {c.token("/v1/logins", `{"publishable":true}`), "anon", "anonymous"},
	} {
		_, target, header := c.arrived(http.MethodGet, "/tcb-auth/hello/a", "Authorization", "Bearer "+q.token, "X-Cloudbase-Context", "forged")
		packed, err := base64.StdEncoding.DecodeString(header.Get("X-Cloudbase-Context"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unzip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(unzip)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got map[string]any
		wantJSON(t, string(text), &got)
		want := map[string]any{
			"envId": "env-1", "uin": "100000000001", "source": "client", "userId": q.user, "userType": q.kind, "isAdministrator": false,
		}
		if diff := cmp.Diff(want, got); diff != "" || target != "/a" {
			t.Errorf("%s: at %s (-want +got)\n%s", name, target, diff)
		}
	}
	good := c.token("/v1/logins", `{"sub":"u-77"}`)
	for token, code := range map[string]string{
		"": "MISSING_CREDENTIALS", "x": "INVALID_CREDENTIALS", "a.b.c": "INVALID_CREDENTIALS", good + "A": "INVALID_CREDENTIALS",
		c.token("/v1/logins", `{"sub":"u-77","claims":{"exp":1}}`): "INVALID_CREDENTIALS",
	} {
		c.wantFailure(c.send(http.MethodGet, "/tcb-auth/hello/a", "", "Authorization", "Bearer "+token), 401, code, "access token")
	}
	c.wantFailure(c.send(http.MethodGet, "/tcb-auth/hello/a", "", "Authorization", "Basic "+good), 401, "MISSING_CREDENTIALS", "login")
}

// The auth service's tokens are JWTs of the key that it lists, and say what CloudBase's do.
func TestAuthService(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1"})
	var certs struct {
		Keys []map[string]string `json:"keys"`
	}
	wantJSON(t, c.send(http.MethodGet, "/auth/v1/certs", "").body, &certs)
	if len(certs.Keys) != 1 || certs.Keys[0]["kty"] != "RSA" || certs.Keys[0]["alg"] != "RS256" || certs.Keys[0]["kid"] == "" {
		t.Errorf("got the keys %v", certs.Keys)
	}
	part := func(token string, n int) map[string]any {
		text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
		var got map[string]any
		if err != nil || json.Unmarshal(text, &got) != nil {
			t.Fatalf("%s: %v", token, err)
		}
		return got
	}
	for name, q := range map[string]struct {
		path, body string
		want       map[string]any
	}{
		"a user":              {"/v1/logins", `{"sub":"u-77","claims":{"provider_sub":"oABC"}}`, map[string]any{"sub": "u-77", "user_type": "external", "provider_sub": "oABC"}},
		"an anonymous one":    {"/auth/v1/signin/anonymously", `{}`, map[string]any{"user_type": "anonymous"}},
		"the publishable key": {"/v1/logins", `{"publishable":true}`, map[string]any{"sub": "anon", "user_type": "anonymous"}},
	} {
		token := c.token(q.path, q.body)
		if header := part(token, 0); header["kid"] != certs.Keys[0]["kid"] || header["alg"] != "RS256" {
			t.Errorf("%s: got the header %v", name, header)
		}
		got := part(token, 1)
		maps.Copy(q.want, map[string]any{"iss": c.url, "aud": "env-1", "project_id": "env-1"})
		for key, value := range q.want {
			if got[key] != value {
				t.Errorf("%s: got %s %v, want %v", name, key, got[key], value)
			}
		}
	}
	if one, other := c.token("/auth/v1/signin/anonymously", ""), c.token("/auth/v1/signin/anonymously", ""); part(one, 1)["sub"] == part(other, 1)["sub"] {
		t.Error("two anonymous users have one name")
	}
	c.wantFailure(c.send(http.MethodPost, "/auth/v1/signin", "{}"), 404, "INVALID_PATH", "/v1/logins")
	c.wantFailure(c.send(http.MethodPost, "/v1/logins", `{}`), 400, "FUNCTION_PARAM_INVALID", `"sub"`)
	c.wantFailure(c.send(http.MethodPost, "/v1/logins", `{"user":"u"}`), 400, "FUNCTION_PARAM_INVALID", `"sub"`)
	c.wantFailure(c.send(http.MethodGet, "/v1/logins", ""), 405, "METHOD_NOT_ALLOWED", "POST")
}
