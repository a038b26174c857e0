package console_test

import (
	"strings"
	"testing"
)

// someSettings are an answer of GET /settings: one function of cloudpay's, and one of the user's.
const someSettings = `{"table":[
	{"name":"WXPAY_API","values":"` + "`v3` or `v2`" + `","default":"v3","meaning":"The protocol of a call without ` + "`api`" + `."},
	{"name":"WXPAY_V2_KEY","values":"32 letters, secret","meaning":"The APIv2 key."},
	{"name":"CLOUDPAY_PRUNE_AFTER","values":"30d","meaning":"How long; see [prune.md](docs/prune.md)."},
	{"name":"CLOUDPAY_STORE","values":"an address","meaning":"The database."}],
	"functions":[{"name":"closeorder","own":true,"set":[{"name":"WXPAY_V2_KEY","source":"emulator","masked":true},
	{"name":"CLOUDPAY_STORE_FILE","source":"--env","value":"/run/store"},{"name":"SHOP","source":"description","masked":true}],
	"faults":["CLOUDPAY_STORE is wrong: mend it"]},{"name":"shop","own":false,"set":[]}]}`

// configured is a world with settings and something to examine.
func configured(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.set("GET /settings", someSettings)
	w.set("GET /doctor", `{"files":["cloudbaserc.json"]}`)
	w.set("POST /doctor", `{"findings":[{"check":"keys","level":"fine","found":"fit"},{"check":"store","level":"fault","subject":"CLOUDPAY_STORE",`+
		`"found":"cannot be reached","remedy":"start it"}],"faults":1,"warnings":0}`)
	return w
}

// Each variable stands with its value, its source and its effect, those first that are set; what is
// masked says so.
func TestSettings(t *testing.T) {
	t.Parallel()
	c := configured(t).open(nil)
	got := fetch(t, c.URL+"/settings", nil)
	got.want(200, "<code>WXPAY_V2_KEY</code></th><td><span class=\"quiet\">set, masked</span></td><td>the emulator</td>",
		"<code>CLOUDPAY_STORE_FILE</code></th><td><code>/run/store</code></td><td>--env</td>",
		"<code>WXPAY_API</code></th><td><code class=\"quiet\">v3</code></td>", "The protocol of a call without <code>api</code>.", "(v3 or v2)", "How long; see prune.md.",
		"<code>SHOP</code>", "the description file", "CLOUDPAY_STORE is wrong: mend it", `<option selected>closeorder</option>`, "not set")
	inOrder(t, got, "WXPAY_V2_KEY", "CLOUDPAY_STORE_FILE", "<code>WXPAY_API</code>", "CLOUDPAY_PRUNE_AFTER")
	fetch(t, c.URL+"/settings?function=shop&lang=zh", nil).want(200, "此云函数不属于 cloudpay", `<option selected>shop</option>`)
	fetch(t, c.URL+"/settings?function=away", nil).want(200, `<option selected>closeorder</option>`)
}

// Doctor examines the deployment or a file, and its findings are shown, the faults first.
func TestRunDoctor(t *testing.T) {
	t.Parallel()
	w := configured(t)
	c := w.open(nil)
	got := fetch(t, c.URL+"/settings/doctor", nil, "deploy", "", "function", "shop")
	got.want(200, "faults: 1, warnings: 0", "cannot be reached", "start it", ">right<", `<option selected>shop</option>`, "curl -X POST")
	inOrder(t, got, "cannot be reached", ">fit")
	w.wantCall(`POST /doctor?lang=en {}`)
	fetch(t, c.URL+"/settings/doctor?lang=zh", nil, "deploy", "cloudbaserc.json").want(200, "错误： 1", `<option selected>cloudbaserc.json</option>`)
	w.wantCall(`POST /doctor?lang=zh {"deploy":"cloudbaserc.json"}`)
	w.set("POST /doctor", `{"error":"another one is being answered"}`)
	fetch(t, c.URL+"/settings/doctor", nil, "deploy", "").want(422, "another one is being answered", `role="alert"`)
}

// inOrder checks that texts stand on a page one behind the other.
func inOrder(t *testing.T, p page, texts ...string) {
	t.Helper()
	last := -1
	for _, text := range texts {
		at := strings.Index(p.text, text)
		if at <= last {
			t.Errorf("%q is at %d, want it behind %d", text, at, last)
		}
		last = at
	}
}
