package demo

import (
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/pkg/paygate"
)

// stage is a demonstration with a gateway and without functions, and a scene in it.
func stage(t *testing.T) (*Demo, *scene, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	world, err := desk.Start(t.Context(), t.TempDir(), desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	d := &Demo{Language: &render.Language{}, Out: &out, desk: world}
	s := &scene{variant: variant{api: "v3"}, owner: desk.Settings{}.Owner()}
	if err := d.place(s, "unpaid", ""); err != nil {
		t.Fatal(err)
	}
	return d, s, &out
}

// An answer that is not what it should be, and one that the gateway's record denies, are found.
func TestCheckFindsLies(t *testing.T) {
	t.Parallel()
	d, s, out := stage(t)
	for reply, want := range map[string]string{
		`{"outcome":"found","attempts":1}`: "",
		`{"outcome":"closed"}`:             `the outcome is "closed" and should be "found"`,
		`[]`:                               "cannot unmarshal array",
	} {
		p := d.check(s, call{function: "queryorder", order: s.number("unpaid"), outcome: "found", state: "NOTPAY"}, []byte(reply))
		if (p.wrong == nil) != (want == "") || p.wrong != nil && !strings.Contains(p.wrong.Error(), want) {
			t.Errorf("%s: got %v, want %q", reply, p.wrong, want)
		}
		d.done = append(d.done, p)
	}
	p := d.check(s, call{function: "closeorder", order: s.number("unpaid"), outcome: "closed", state: "CLOSED"}, []byte(`{"outcome":"closed"}`))
	if p.wrong == nil || !strings.Contains(p.wrong.Error(), "has DEMO-v3-unpaid as NOTPAY and should have it as CLOSED") {
		t.Errorf("a close that the gateway knows nothing of: got %v", p.wrong)
	}
	err := d.summary()
	if err == nil || !strings.Contains(err.Error(), "queryorder of DEMO-v3-unpaid: ") || strings.Count(out.String(), "✗") != 2 {
		t.Errorf("got %v and\n%s", err, out.String())
	}
}

// A crash leaves an order that is closed at the gateway.
func TestPlace(t *testing.T) {
	t.Parallel()
	d, s, _ := stage(t)
	if err := d.place(s, "doubt", paygate.StateClosed); err != nil {
		t.Fatal(err)
	}
	if err := d.checkState(s, s.number("doubt"), "CLOSED"); err != nil {
		t.Error(err)
	}
	if err := d.checkState(s, "none", "CLOSED"); err == nil {
		t.Error("an order that was never placed has a state")
	}
}

// A registration has the service token, which is not shown; a customer's call has an identity.
func TestEvent(t *testing.T) {
	t.Parallel()
	_, s, _ := stage(t)
	s.cloud = desk.Description{Env: map[string]string{"CLOUDPAY_SERVICE_TOKEN": "a-token"}}
	shown, sent, caller, err := s.event(call{order: "A1", closeAt: "1800", openID: openID})
	if err != nil || strings.Contains(string(shown), "a-token") || !strings.Contains(string(sent), `"service_token":"a-token"`) || caller != (desk.User{}) {
		t.Errorf("a registration: got %s, %s, %v, %v", shown, sent, caller, err)
	}
	shown, sent, caller, err = s.event(call{order: "A1", openID: openID})
	if err != nil || string(shown) != string(sent) || caller.OpenID != openID || !strings.Contains(string(sent), `"sub_mch_id":"1900000001"`) {
		t.Errorf("a call: got %s, %s, %v, %v", shown, sent, caller, err)
	}
}

// What is alike is played and not shown.
func TestCallsHaveTitles(t *testing.T) {
	t.Parallel()
	silent := 0
	for _, c := range (&Demo{}).calls() {
		if c.title == (bilingual.Text{}) {
			silent++
		} else if c.title.EN == "" || c.title.ZH == "" {
			t.Errorf("%s of %s: got %+v", c.function, c.order, c.title)
		}
	}
	if silent != 3 {
		t.Errorf("got %d calls without a title, want 3", silent)
	}
}
