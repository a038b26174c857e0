package accesstoken

import (
	"maps"
	"testing"
	"time"
)

// Without any one of the checks a token that it alone refuses is let in.
func TestEveryCheckIsNeeded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1795912200, 0)
	v := &Verifier{Env: "e1", Now: func() time.Time { return now }}
	good := claims{
		"iss": "https://e1.ap-shanghai.tcb-api.tencentcloudapi.com", "aud": "e1", "project_id": "e1", "sub": "u1",
		"exp": float64(now.Unix() + 3600), "iat": float64(now.Unix()), "nbf": float64(now.Unix()), "user_type": "external",
	}
	refusedBy := func(c claims, but string) (by string) {
		for _, check := range checks {
			if check.name != but && check.verify(v, c) != nil {
				return check.name
			}
		}
		return ""
	}
	if by := refusedBy(good, ""); by != "" {
		t.Fatalf("a good token: refused by %s", by)
	}
	with := func(name string, value any) claims {
		c := maps.Clone(good)
		c[name] = value
		return c
	}
	alone := map[string]claims{
		"iss":        with("iss", "https://e2.ap-shanghai.tcb-api.tencentcloudapi.com"),
		"aud":        with("aud", "e2"),
		"project_id": with("project_id", "e2"),
		"exp":        with("exp", float64(now.Unix()-3600)),
		"life":       with("exp", float64(4070908800)),
		"nbf":        with("nbf", float64(now.Unix()+3600)),
		"iat":        with("iat", float64(now.Unix()+3600)),
		"anonymous":  with("sub", "anon"),
		"key":        with("role", "administrator"),
		"login":      with("user_type", nil),
	}
	for _, check := range checks {
		c, there := alone[check.name]
		if !there {
			t.Errorf("no token is refused by %s alone: write one", check.name)
			continue
		}
		if by := refusedBy(c, ""); by != check.name {
			t.Errorf("%s: refused by %q", check.name, by)
		}
		if by := refusedBy(c, check.name); by != "" {
			t.Errorf("without %s: still refused, by %s", check.name, by)
		}
	}
	if len(alone) != len(checks) {
		t.Errorf("got %d tokens for %d checks", len(alone), len(checks))
	}
}
