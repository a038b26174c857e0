package diagnosis_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"cloudpay/internal/diagnosis"
)

// repeated is n pieces, each made of its number.
func repeated(n int, joint string, piece func(i int) string) string {
	pieces := make([]string, n)
	for i := range pieces {
		pieces[i] = piece(i)
	}
	return strings.Join(pieces, joint)
}

// worst are inputs that a stranger can send, each of which multiplies what one of the lists of
// guesses makes of it. All are as long as is guessed at, or longer.
func worst() map[string]signed {
	member := func(i int) string { return fmt.Sprintf(`"k%d":%d`, i, i) }
	post := func(body string) signed { return signed{method: "POST", uri: "/v3/pay/transactions/jsapi", body: body} }
	get := func(uri string) signed { return signed{method: "GET", uri: uri} }
	return map[string]signed{
		"seven members":   post("{" + repeated(7, ",", member) + "}"),
		"sixteen members": post("{" + repeated(16, ",", member) + "}"),
		"many members":    post("{" + repeated(300, ",", member) + "}"),
		"many objects":    post("[" + repeated(120, ",", func(int) string { return "{" + repeated(3, ",", member) + "}" }) + "]"),
		"deep":            post(strings.Repeat("[", 31) + repeated(1000, ",", func(int) string { return "1" }) + strings.Repeat("]", 31)),
		"too deep":        post(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
		"numbers":         post("[" + repeated(1800, ",", func(int) string { return "1" }) + "]"),
		"escapes":         post(`{"a":"` + strings.Repeat("茶", 1300) + "\"}\n"),
		"large":           post(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`),
		"parameters":      get("/v3/a?" + repeated(1000, "&", func(i int) string { return fmt.Sprintf("%d", i%10) + "=" })),
		"empty":           get("/v3/a?" + strings.Repeat("&", 4000)),
		"segments":        get(strings.Repeat("/a", 2000)),
		"escaped path":    get("/" + strings.Repeat("%25", 1300)),
		"line feeds":      post(strings.Repeat("\n", 4000)),
		"prepay":          testPlace,
	}
}

// TestWorst bounds what a refused request costs, whatever is in it. Work is counted in bytes and
// not in time: those that the search digests, and those that the whole diagnosis allocates, which
// also shows lists that are made and not tried.
func TestWorst(t *testing.T) { //nolint:paralleltest // allocations are counted
	keys := testKeys(t)
	for name, one := range worst() {
		request := one.signing(testNonce, "another").request(t)
		// a large body is hashed, and copied into the message some times; it is not guessed at
		allowed := uint64(24<<20 + 16*len(request.Body))
		wantCheap(t, name, allowed, func() diagnosis.Diagnosis { return diagnosis.V3(request, keys) })
	}
}

// TestWorstV2 is the same for documents.
func TestWorstV2(t *testing.T) { //nolint:paralleltest // allocations are counted
	keys := keysV2()
	keys.MchID = ""
	for i := range 1000 {
		keys.Others = append(keys.Others, diagnosis.Merchant{MchID: fmt.Sprintf("19%d", i), V2Key: strings.Repeat("k", 32)})
	}
	element := func(value string) func(i int) string {
		return func(i int) string { return fmt.Sprintf("<e%d>%s</e%d>", i, value, i) }
	}
	for name, document := range map[string]string{
		"elements":      repeated(290, "", element("1")),
		"more elements": repeated(60_000, "", element("1")),
		"foreign":       repeated(3, "", element(strings.Repeat("茶", 400))),
		"escaped":       repeated(3, "", element(strings.Repeat("&lt;", 1200))),
		"usual":         repeated(8, "", element("value")),
	} {
		body := []byte("<xml>" + document + "<sign>" + strings.Repeat("0", 32) + "</sign></xml>")
		wantCheap(t, name, 24<<20, func() diagnosis.Diagnosis { return diagnosis.V2(body, keys) })
	}
}

// wantCheap holds a diagnosis to the bounds. The allocations are those of the one goroutine that
// runs: the tests that use it are not parallel. With the race detector only the work is bounded,
// since pools then forget at random what they hold; make test runs this without it, too.
func wantCheap(t *testing.T, name string, allowed uint64, diagnose func() diagnosis.Diagnosis) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := diagnose()
	runtime.ReadMemStats(&after)
	if d.Fine || len(d.Findings) == 0 {
		t.Errorf("%s: got %+v, want it refused", name, d)
	}
	if most := diagnosis.MaxWork + diagnosis.TryCost + diagnosis.MaxWritten; diagnosis.Work(d) > most {
		t.Errorf("%s: the search did work of %d bytes, want %d at most", name, diagnosis.Work(d), most)
	}
	if got := after.TotalAlloc - before.TotalAlloc; !diagnosis.Raced && got > allowed {
		t.Errorf("%s: %d KiB were allocated, want %d at most", name, got>>10, allowed>>10)
	}
	t.Logf("%-16s work %8d  allocated %6d KiB", name, diagnosis.Work(d), (after.TotalAlloc-before.TotalAlloc)>>10)
}
