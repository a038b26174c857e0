package workload_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/workload"
)

// ofRepository are the options for this repository's own descriptions, with the executable web.
func ofRepository(t *testing.T) workload.Options {
	t.Helper()
	o := project(t, nil)
	o.Dir = filepath.Join("..", "..", "..")
	o.Binaries["web"], o.LoginURL = "/bin/web", "http://127.0.0.1:9803"
	return o
}

// names are those of the plan's functions.
func names(p *workload.Plan) []string {
	var all []string
	for _, f := range p.Functions {
		all = append(all, f.Name)
	}
	return all
}

// The two HTTP functions of cloudbaserc.json run as they are described, each with its own routes,
// and the emulator's keys, addresses and logins.
func TestWeb(t *testing.T) {
	t.Parallel()
	o := ofRepository(t)
	p := plan(t, o)
	if diff := cmp.Diff([]string{"closeorder", "queryorder", "cloudpay", "cloudpay-public"}, names(p)); diff != "" || len(p.Notes) > 0 {
		t.Errorf("functions (-want +got), and notes %v:\n%s", p.Notes, diff)
	}
	if p.NotifyPath != "/tcb/cloudpay-public/paynotify" || p.HTTPFunction != "cloudpay" {
		t.Errorf("got the notify path %q and the HTTP function %q", p.NotifyPath, p.HTTPFunction)
	}
	inner, public := of(t, p, "cloudpay"), of(t, p, "cloudpay-public")
	if inner.Binary != "/bin/web" || inner.Runtime != platform.Web || inner.TimeLimit != 20*time.Second || public.Binary != "/bin/web" {
		t.Errorf("got %+v and %+v", inner, public)
	}
	for _, want := range []string{
		"CLOUDPAY_BEHIND_WX_GATEWAY=1", "CLOUDPAY_LOGIN_ENV=cloudpay-local", "CLOUDPAY_LOGIN_URL=http://127.0.0.1:9803", "WXPAY_MCHID=1900000001",
	} {
		if !slices.Contains(inner.Env, want) || strings.Contains(strings.Join(public.Env, " "), "LOGIN") {
			t.Errorf("cloudpay: got %v, want %s; cloudpay-public: got %v", inner.Env, want, public.Env)
		}
	}
	if want := "CLOUDPAY_ROUTES=paynotify,sweep,healthz"; !slices.Contains(public.Env, want) {
		t.Errorf("cloudpay-public: got %v, want %s", public.Env, want)
	}
	// Without a register the function would refuse to start with a sweep.
	o.Env["CLOUDPAY_STORE"] = ""
	if got, want := of(t, plan(t, o), "cloudpay-public").Env, "CLOUDPAY_ROUTES=paynotify,healthz"; !slices.Contains(got, want) {
		t.Errorf("without a store: got %v, want %s", got, want)
	}
}

// On Lambda the notifications of AWS's description are taken, and not Tencent's.
func TestWebOnLambda(t *testing.T) {
	t.Parallel()
	o := ofRepository(t)
	o.Runtime = platform.Lambda
	p := plan(t, o)
	if diff := cmp.Diff([]string{"closeorder", "queryorder", "public"}, names(p)); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
	if got := of(t, p, "public"); got.Runtime != platform.Lambda || p.NotifyPath != "/aws/public/paynotify" {
		t.Errorf("got %+v, notified at %q", got, p.NotifyPath)
	}
}

// Which executables a description needs is known before any is built.
func TestExecutables(t *testing.T) {
	t.Parallel()
	events := []string{"closeorder", "queryorder"}
	const described = `{"functions":[{"name":"any","type":"HTTP","envVariables":{"CLOUDPAY_ROUTES":"healthz","X":"{{env.ENV_ID}}"}}]}`
	with, without := project(t, map[string]string{"cloudbaserc.json": described}), project(t, nil)
	lambda := with
	lambda.Runtime = platform.Lambda
	for name, test := range map[string]struct {
		o    workload.Options
		want []string
	}{
		"described": {with, append(slices.Clone(events), "web")}, "not described": {without, events}, "for another cloud": {lambda, events},
	} {
		got, err := workload.Executables(test.o)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v, executables (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := workload.Executables(project(t, map[string]string{"cloudbaserc.json": "{"})); err == nil {
		t.Error("a file that is no JSON is read")
	}
	// One that is not there, or a runtime that does not run it, is said.
	p := plan(t, with)
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0].EN, "any is left out: there is no executable web beside closeorder") {
		t.Errorf("got %v", p.Notes)
	}
	node := project(t, map[string]string{"cloudbaserc.json": strings.Replace(described, `"type":"HTTP"`, `"runtime":"Nodejs18.15"`, 1)})
	node.Binaries["web"] = "/bin/web"
	if p := plan(t, node); len(p.Notes) != 1 || !strings.Contains(p.Notes[0].EN, `its runtime "Nodejs18.15" does not run cloudpay's function web`) {
		t.Errorf("got %v", p.Notes)
	}
}
