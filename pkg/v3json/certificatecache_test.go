package v3json_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// newPair is a certificate, the one that follows it, and a gateway that knows only the first yet.
func newPair(t testing.TB) (first, second platformCert, gateway *certGateway) {
	t.Helper()
	ca := newAuthority(t)
	first = ca.issuePlatform(t, firstSerial, platformKey(), wireTime().Add(-1000*day))
	second = ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime().Add(-day))
	return first, second, newCertGateway(t, first)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	first, second, gateway := newPair(t)
	client := newCertClient(t, gateway)
	mustClose(t, client, "before")
	gateway.rotate(second, first)
	mustClose(t, client, "just rotated")
	gateway.wantDownloads(2, "just rotated")
	mustClose(t, client, "after")
	gateway.wantDownloads(2, "after")
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+secondSerial) {
		t.Errorf("asked %q, want the new certificate named", last)
	}
	// The old one's reply was under way while the list was replaced by one without it: it is not
	// believed any more.
	gateway.rotate(second)
	gateway.advance(13 * time.Hour)
	mustClose(t, client, "refreshed")
	gateway.mu.Lock()
	gateway.signer = first
	gateway.mu.Unlock()
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
}

func TestUnknownSerialIsLookedForOnceAMinute(t *testing.T) {
	t.Parallel()
	first, second, gateway := newPair(t)
	client := newCertClient(t, gateway)
	mustClose(t, client, "before")
	signBy := func(certificate platformCert) {
		gateway.order = func(req *http.Request) (*http.Response, error) {
			gateway.signer = certificate
			defer func() { gateway.signer = first }()
			return gateway.sign(http.StatusNoContent, "").RoundTrip(req)
		}
	}
	signBy(second) // and does not list it
	for range 3 {
		fault := disbelief(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
		for _, want := range []string{secondSerial, "holds " + firstSerial, "not among WeChat Pay's certificates"} {
			if !strings.Contains(fault.Detail, want) {
				t.Errorf("detail is %q, want it to say %q", fault.Detail, want)
			}
		}
		gateway.wantDownloads(2, "within a minute")
	}
	gateway.advance(59 * time.Second)
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	gateway.wantDownloads(2, "after 59 s")
	gateway.advance(time.Second)
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	gateway.wantDownloads(3, "after a minute")
	gateway.listed = append(gateway.listed, second)
	gateway.advance(time.Minute)
	mustClose(t, client, "once it is listed")
	gateway.wantDownloads(4, "after another minute")

	// A clock that is put back must not end it for good.
	gateway.advance(-day)
	signBy(platformCert{thirdSerial, platformKey(), nil})
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	gateway.wantDownloads(5, "with the clock put back")
}

// TestSerialsThatAreNone: what cannot be a certificate's serial, and a reply that is not whole,
// start no download.
func TestSerialsThatAreNone(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	client := newCertClient(t, gateway)
	mustClose(t, client, "before")
	for _, change := range []func(answer) answer{
		func(a answer) answer { return a.with("Wechatpay-Serial", "not hex") },
		func(a answer) answer { return a.with("Wechatpay-Serial", strings.Repeat("A", 41)) },
		func(a answer) answer { return a.with("Wechatpay-Serial", publicKeyID) },
		func(a answer) answer { return a.with("Wechatpay-Serial", secondSerial).with("Wechatpay-Nonce", "") },
		func(a answer) answer {
			return a.with("Wechatpay-Serial", secondSerial).with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/x")
		},
		func(a answer) answer {
			return a.with("Wechatpay-Serial", secondSerial).with("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")
		},
	} {
		gateway.order = func(req *http.Request) (*http.Response, error) {
			return change(gateway.sign(http.StatusNoContent, "")).RoundTrip(req)
		}
		if _, ok := errors.AsType[*v3json.VerifyError](closeA1(t.Context(), client)); !ok {
			t.Error("the reply was believed, want a VerifyError")
		}
		gateway.wantDownloads(1, "for a reply that no certificate can help")
	}
}

func TestFailedSearchForASerial(t *testing.T) {
	t.Parallel()
	_, second, gateway := newPair(t)
	client := newCertClient(t, gateway)
	mustClose(t, client, "before")
	gateway.signer = second
	gateway.list = unsigned(http.StatusBadGateway, "<html>").RoundTrip
	fault := disbelief(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	if !strings.Contains(fault.Detail, "failed: the gateway refused with HTTP 502") {
		t.Errorf("detail is %q, want the reason", fault.Detail)
	}
	if fault.HTTPStatus != http.StatusNoContent {
		t.Errorf("VerifyError is of HTTP %d, want the order's reply", fault.HTTPStatus)
	}
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
	gateway.wantDownloads(2, "after one that failed, within a minute")
}

func TestExpiredCertificateIsNotUsed(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	first := ca.issue(t, firstSerial, "x", platformKey(), wireTime().Add(-day), wireTime().Add(time.Minute))
	second := ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime().Add(-day))
	gateway := newCertGateway(t, first)
	client := newCertClient(t, gateway)
	mustClose(t, client, "before its end")
	gateway.advance(time.Minute)
	mustClose(t, client, "in its last second")
	gateway.wantDownloads(1, "in its last second")
	gateway.advance(time.Second)
	_ = uncertified(t, closeA1(t.Context(), client), "none that is valid")
	if gateway.orders() != 2 {
		t.Errorf("%d orders were asked about, want none once the certificate had ended", gateway.orders())
	}
	gateway.rotate(second, first)
	mustClose(t, client, "with its successor")
	gateway.signer = first
	wantReason(t, closeA1(t.Context(), client), wire.ReasonUnknownSerial)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	_, second, gateway := newPair(t)
	client := newCertClient(t, gateway)
	reported := &reports{}
	client.Certificates.Report = reported.add
	step := func(wait time.Duration, want int, when string) {
		t.Helper()
		gateway.advance(wait)
		mustClose(t, client, when)
		gateway.wantDownloads(want, when)
	}
	step(0, 1, "at first")
	step(12*time.Hour-time.Second, 1, "before 12 h")
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+firstSerial) {
		t.Errorf("asked %q, want the certificate named", last)
	}
	step(time.Second, 2, "after 12 h")
	if order := gateway.asked[len(gateway.asked)-2]; !strings.HasSuffix(order, "/close serial=") {
		t.Errorf("asked %q, want no certificate named that may be gone", order)
	}
	step(time.Minute, 2, "just refreshed")
	if last := gateway.lastAsked(); !strings.Contains(last, "/close") {
		t.Errorf("asked %q last, want the order", last)
	}

	gateway.onList(unsigned(http.StatusBadGateway, "").RoundTrip)
	step(12*time.Hour, 3, "after 12 h, failing")
	reported.want(t, "refreshing the platform certificates: the gateway refused with HTTP 502")
	step(10*time.Minute-time.Second, 3, "not again within 10 minutes")
	step(time.Second, 4, "failing again")
	reported.want(t, "HTTP 502", "HTTP 502")
	gateway.onList(nil)
	step(10*time.Minute, 5, "no longer failing")

	gateway.onList(func(*http.Request) (*http.Response, error) {
		gateway.rotate(second)
		return nil, errUsual
	})
	step(-time.Hour, 6, "with a clock that was put back")
	mustClose(t, client, "by the new one")
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+secondSerial) {
		t.Errorf("asked %q, want the new certificate named", last)
	}
}

func TestRefreshBeforeExpiry(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ending := ca.issue(t, firstSerial, "x", platformKey(), wireTime().Add(-day), wireTime().Add(10*day+5*time.Hour))
	gateway := newCertGateway(t, ending)
	client := newCertClient(t, gateway)
	step := func(wait time.Duration, want int, when string) {
		t.Helper()
		gateway.advance(wait)
		mustClose(t, client, when)
		gateway.wantDownloads(want, when)
	}
	step(0, 1, "at first")
	step(5*time.Hour, 1, "10 days before the end")
	step(time.Second, 2, "within 10 days of the end")
	step(59*time.Minute, 2, "young again")
	gateway.rotate(ending, ca.issuePlatform(t, secondSerial, rotatedKey(), wireTime()))
	step(time.Minute, 3, "an hour old again")
	step(11*time.Hour, 3, "with the successor held")
	step(time.Hour, 4, "12 h old")
}

// TestRefreshTakesWhatTimeIsLeft: the call has its answer, and must hand it over in time.
func TestRefreshTakesWhatTimeIsLeft(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		left, want time.Duration // want is how long the call takes, with a list that never comes
	}{
		"no deadline":    {0, 5 * time.Second},
		"much time":      {time.Minute, 5 * time.Second},
		"half of it":     {4 * time.Second, 2 * time.Second},
		"hardly enough":  {500 * time.Millisecond, 250 * time.Millisecond},
		"too little":     {499 * time.Millisecond, 0},
		"none whatever":  {time.Nanosecond, 0},
		"cancelled soon": {-time.Second, time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, gateway := newPair(t)
			synctest.Test(t, func(t *testing.T) {
				client := newCertClient(t, gateway)
				reported := &reports{}
				client.Certificates.Report = reported.add
				mustClose(t, client, "at first")
				gateway.advance(13 * time.Hour)
				gateway.onList(func(req *http.Request) (*http.Response, error) {
					<-req.Context().Done()
					return nil, req.Context().Err()
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch {
				case test.left > 0:
					ctx, cancel = context.WithTimeout(ctx, test.left)
					defer cancel()
				case test.left < 0:
					stop := time.AfterFunc(-test.left, cancel)
					defer stop.Stop()
				}
				start := time.Now()
				if err := closeA1(ctx, client); err != nil {
					t.Errorf("closing: %v, want the answer that was had", err)
				}
				if took := time.Since(start); took != test.want {
					t.Errorf("the call took %v, want %v", took, test.want)
				}
				if test.want == 0 {
					gateway.wantDownloads(1, name)
					return
				}
				gateway.wantDownloads(2, name)
				reported.want(t, "refreshing the platform certificates: no reply")
			})
		})
	}
}

func TestConcurrentCallersDownloadOnce(t *testing.T) {
	t.Parallel()
	first, second, gateway := newPair(t)
	synctest.Test(t, func(t *testing.T) {
		client := newCertClient(t, gateway)
		gateway.onList(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			return nil, errUsual
		})
		all := func(when string, want int) {
			t.Helper()
			var callers sync.WaitGroup
			for range 32 {
				callers.Go(func() {
					if err := closeA1(t.Context(), client); err != nil {
						t.Errorf("%s: %v, want the order closed", when, err)
					}
				})
			}
			callers.Wait()
			gateway.wantDownloads(want, when)
		}
		all("at first", 1)
		gateway.rotate(second, first)
		all("rotated", 2)
		gateway.advance(13 * time.Hour)
		all("refreshed", 3)

		// A download that the gateway refuses is refused to all calls that wait for it.
		gateway.advance(10 * 365 * day)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() { _ = uncertified(t, closeA1(t.Context(), client), "none that is valid") })
		}
		callers.Wait()
		gateway.wantDownloads(4, "expired")
	})
}

// TestWaitingEndsWithItsOwnContext: one call downloads and takes a minute, and the others have
// other deadlines.
func TestWaitingEndsWithItsOwnContext(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	synctest.Test(t, func(t *testing.T) {
		client := newCertClient(t, gateway)
		gateway.onList(func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(time.Minute):
				return nil, errUsual
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		})
		call := func(limit, wantTook time.Duration, wantErr error, says string) func() {
			return func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				start := time.Now()
				err := closeA1(ctx, client)
				if took := time.Since(start); took != wantTook || !errors.Is(err, wantErr) {
					t.Errorf("with %v, the call took %v and gave %v, want %v and %v", limit, took, err, wantTook, wantErr)
				}
				if says != "" {
					_ = uncertified(t, err, says)
				}
			}
		}
		var callers sync.WaitGroup
		callers.Go(call(10*time.Second, 10*time.Second, context.DeadlineExceeded, "no reply")) // downloads
		synctest.Wait()
		callers.Go(call(3*time.Second, 3*time.Second, context.DeadlineExceeded, "waiting for another call")) // waits
		callers.Go(call(2*time.Minute, 70*time.Second, nil, ""))                                             // waits, then downloads itself
		callers.Wait()
		gateway.wantDownloads(2, "one given up, one made")
		gateway.onList(nil)
		mustClose(t, client, "held")
	})
}

// TestShortCallDoesNotSilenceTheSearch: a call that had no time to look for a serial must not spoil
// it for the next.
func TestShortCallDoesNotSilenceTheSearch(t *testing.T) {
	t.Parallel()
	first, second, gateway := newPair(t)
	synctest.Test(t, func(t *testing.T) {
		client := newCertClient(t, gateway)
		mustClose(t, client, "before")
		gateway.rotate(second, first)
		gateway.onList(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantReason(t, closeA1(ctx, client), wire.ReasonUnknownSerial)
		gateway.onList(nil)
		mustClose(t, client, "with time")
		gateway.wantDownloads(3, "with time")
	})
}

// TestPanickingTransport: the transport's panic passes through, and the calls that wait go on.
func TestPanickingTransport(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	synctest.Test(t, func(t *testing.T) {
		client := newCertClient(t, gateway)
		gateway.onList(func(*http.Request) (*http.Response, error) {
			<-time.After(time.Second)
			gateway.onList(nil)
			panic("transport")
		})
		var callers sync.WaitGroup
		callers.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the transport's panic is gone, want it passed on")
				}
			}()
			_ = closeA1(t.Context(), client)
		})
		synctest.Wait()
		callers.Go(func() { mustClose(t, client, "after another call's panic") })
		callers.Wait()
		gateway.wantDownloads(2, "the second one by a call that waited")
	})
}

func TestCacheFile(t *testing.T) {
	t.Parallel()
	first, second, gateway := newPair(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "certificates.json")
	newProcess := func() *v3json.Client {
		client := newCertClient(t, gateway)
		client.Certificates.File = file
		return client
	}
	mustClose(t, newProcess(), "at first")
	gateway.wantDownloads(1, "at first")
	for range 2 {
		mustClose(t, newProcess(), "from the file")
	}
	gateway.wantDownloads(1, "from the file")
	if last := gateway.lastAsked(); !strings.HasSuffix(last, " serial="+firstSerial) {
		t.Errorf("asked %q, want the certificate from the file named", last)
	}
	wantPrivateFile(t, file)

	// The file's age counts, not the process's.
	gateway.advance(13 * time.Hour)
	old := newProcess()
	mustClose(t, old, "from a file of 13 h")
	gateway.wantDownloads(2, "from a file of 13 h, refreshed")
	mustClose(t, newProcess(), "from a new file")
	gateway.wantDownloads(2, "from a new file")

	// An unknown serial makes the file new as well.
	gateway.rotate(second, first)
	mustClose(t, old, "rotated")
	mustClose(t, newProcess(), "rotated, from the file")
	gateway.wantDownloads(3, "rotated")
	wantPrivateFile(t, file)
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want nothing beside the file", entries, err)
	}

	// With a public key, it is read when a certificate is asked for.
	both := newProcess()
	both.Keys = newKeyring(t)
	mustClose(t, both, "from the file, beside a public key")
	gateway.wantDownloads(3, "from the file, beside a public key")
}

// wantPrivateFile checks that only its owner can read the file, and that even so nothing in it is
// secret.
func wantPrivateFile(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatalf("the file: %v", err)
	}
	if mode := info.Mode(); mode != 0o600 {
		t.Errorf("the file has mode %v, want 0600", mode)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the file: %v", err)
	}
	for _, secret := range append(secrets(t), apiV3Key, apiV2Key, "BEGIN", mchID) {
		if strings.Contains(string(content), secret) {
			t.Errorf("the file has %q in it", secret)
		}
	}
}

func TestCacheFilesThatAreIgnored(t *testing.T) {
	t.Parallel()
	first, _, gateway := newPair(t)
	good := cacheContent(t, gateway)
	foreign := newCertGateway(t, first)
	foreign.key = strings.ToUpper(apiV3Key)
	expired := newCertGateway(t, newAuthority(t).issue(t, firstSerial, "x", platformKey(), wireTime().Add(-day), wireTime().Add(-1)))
	merchants := newCertGateway(t, newAuthority(t).issue(t, firstSerial, "x", loadMerchantKey(t), wireTime().Add(-day), wireTime().Add(day)))
	list := func(g *certGateway) string { return `{"fetched":"2024-08-05T09:00:00Z","list":` + g.listBody() + `}` }
	tests := map[string]struct{ content, want string }{
		"empty":             {"", "not JSON"},
		"torn":              {good[:len(good)/2], "not JSON"},
		"torn at its end":   {good[:len(good)-1], "not JSON"},
		"two of them":       {good + good, "not JSON"},
		"null":              {"null", "cannot be read"},
		"no list":           {`{"fetched":"2024-08-05T09:00:00Z"}`, "cannot be read"},
		"no time":           {strings.Replace(good, "2024-08-05T", "yesterday", 1), "not JSON"},
		"something else's":  {`{"access_token":"x"}`, "cannot be read"},
		"another merchant":  {list(foreign), "does not decrypt"},
		"expired":           {list(expired), "none that is valid"},
		"merchant's own":    {list(merchants), "the merchant's own"},
		"a certificate":     {string(first.pem), "not JSON"},
		"far too long":      {good + strings.Repeat(" ", 2<<20), "too long"},
		"one bit too few":   {strings.Replace(good, `"ciphertext":"`, `"ciphertext":"AAAA`, 1), "does not decrypt"},
		"a number as nonce": {strings.Replace(good, `"nonce0000000"`, `1`, 1), "JSON number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := newCertGateway(t, first)
			file := filepath.Join(t.TempDir(), "certificates.json")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatalf("writing the file: %v", err)
			}
			client := newCertClient(t, own)
			reported := &reports{}
			client.Certificates.File, client.Certificates.Report = file, reported.add
			mustClose(t, client, name)
			mustClose(t, client, name+", again")
			own.wantDownloads(1, name)
			reported.want(t, test.want)

			warm := newCertClient(t, own)
			warm.Certificates.File = file
			mustClose(t, warm, "from the file written anew")
			own.wantDownloads(1, "from the file written anew")
		})
	}
}

// cacheContent is what a client writes.
func cacheContent(t *testing.T, gateway *certGateway) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "certificates.json")
	client := newCertClient(t, gateway)
	client.Certificates.File = file
	mustClose(t, client, "to write a file")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("reading the file: %v", err)
	}
	return string(content)
}

// TestEveryByteOfTheCacheFile flips each one. Wherever the file is read all the same, it has the
// same certificate: the reply, signed by that and by nothing else, is believed.
func TestEveryByteOfTheCacheFile(t *testing.T) {
	t.Parallel()
	first, _, gateway := newPair(t)
	good := cacheContent(t, gateway)
	file := filepath.Join(t.TempDir(), "certificates.json")
	ignored := 0
	for i := range good {
		if err := os.WriteFile(file, []byte(flip(good, i)), 0o600); err != nil {
			t.Fatalf("writing the file: %v", err)
		}
		ring := readCache(t, file)
		switch key, held := ring[firstSerial]; {
		case len(ring) == 0:
			ignored++
		case len(ring) != 1 || !held || !key.Equal(&first.key.PublicKey):
			t.Errorf("with byte %d (%q) flipped, the file gives %v", i, good[i], ring)
		}
	}
	if certificate := len(first.pem); ignored < certificate {
		t.Errorf("%d flips had the file ignored, want at least the %d of the certificate", ignored, certificate)
	}
}

func readCache(t *testing.T, file string) map[string]*rsa.PublicKey {
	t.Helper()
	certificates := &v3json.Certificates{Key: newV3Key(t, apiV3Key), File: file}
	return v3json.HeldCertificates(t.Context(), &v3json.Client{Key: newKey(t), Now: wireTime, Certificates: certificates})
}

func TestCacheFileIsHeldToRoots(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	file := filepath.Join(t.TempDir(), "certificates.json")
	lax := newCertClient(t, gateway)
	lax.Certificates.File = file
	mustClose(t, lax, "without Roots")
	strict := newCertClient(t, gateway)
	reported := &reports{}
	strict.Certificates.File, strict.Certificates.Report = file, reported.add
	strict.Certificates.Roots = newAuthority(t).pool()
	_ = uncertified(t, closeA1(t.Context(), strict), "does not come from Roots")
	reported.want(t, "does not come from Roots")
}

// TestCacheFromTheFuture was written by a clock that was wrong: it is used, and replaced.
func TestCacheFromTheFuture(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	good := cacheContent(t, gateway)
	file := filepath.Join(t.TempDir(), "certificates.json")
	if err := os.WriteFile(file, []byte(strings.Replace(good, "2024-08-05T", "2034-08-05T", 1)), 0o600); err != nil {
		t.Fatalf("writing the file: %v", err)
	}
	for _, want := range []int{2, 2} {
		client := newCertClient(t, gateway)
		client.Certificates.File = file
		mustClose(t, client, "from the file")
		gateway.wantDownloads(want, "from the file")
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := filepath.Join(t.TempDir(), "certificates.json")
	if err := os.MkdirAll(filepath.Join(full, "x"), 0o700); err != nil {
		t.Fatalf("making a folder: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatalf("making a file: %v", err)
	}
	const kept = "keeping the platform certificates in a file: "
	tests := map[string]struct {
		file string
		says []string
	}{
		"no such folder":      {filepath.Join(t.TempDir(), "none", "certificates.json"), []string{kept}},
		"a folder is there":   {full, []string{"it is not a regular file", kept}},
		"a file for a folder": {filepath.Join(blocked, "certificates.json"), []string{"not a directory", kept}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, gateway := newPair(t)
			client := newCertClient(t, gateway)
			reported := &reports{}
			client.Certificates.File, client.Certificates.Report = test.file, reported.add
			for range 2 {
				mustClose(t, client, name)
			}
			gateway.wantDownloads(1, name)
			reported.want(t, test.says...)
			if entries, err := os.ReadDir(filepath.Dir(full)); err != nil || len(entries) != 1 {
				t.Errorf("the folder has %v, %v, want no file left behind", entries, err)
			}

			// And there is nothing to report.
			client = newCertClient(t, gateway)
			client.Certificates.File, client.Certificates.Report = test.file, nil
			mustClose(t, client, name+", unreported")
		})
	}
}

func TestCacheFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	client := newCertClient(t, gateway)
	reported := &reports{}
	client.Certificates.File, client.Certificates.Report = filepath.Join(t.TempDir(), "nul\x00"), reported.add
	mustClose(t, client, "a name that cannot be")
	reported.want(t, "invalid argument", "invalid argument")
}

// TestSharedCertificates serves the clients of two domains with one download.
func TestSharedCertificates(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	main := newCertClient(t, gateway)
	backup := newCertClient(t, gateway)
	backup.BaseURL, backup.Certificates = "https://api2.mch.weixin.qq.com", main.Certificates
	mustClose(t, main, "main")
	mustClose(t, backup, "backup")
	gateway.wantDownloads(1, "for both")
}

// TestQueriesByCertificate: a query is verified like a close, and a signed refusal too.
func TestQueriesByCertificate(t *testing.T) {
	t.Parallel()
	_, _, gateway := newPair(t)
	client := newCertClient(t, gateway)
	gateway.order = func(req *http.Request) (*http.Response, error) {
		return gateway.sign(http.StatusOK, directOrder).RoundTrip(req)
	}
	reply, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
	if err != nil || reply.TradeState != "SUCCESS" {
		t.Fatalf("QueryOrder gives %v, %v, want SUCCESS", reply, err)
	}
	gateway.order = func(req *http.Request) (*http.Response, error) {
		return gateway.sign(http.StatusBadRequest, refusalBody).RoundTrip(req)
	}
	if refused := refusal(t, closeA1(t.Context(), client)); !refused.Authenticated {
		t.Errorf("refusal is %+v, want it authenticated", refused)
	}
	gateway.wantDownloads(1, "for all of them")
	if !slices.Contains(gateway.asked, "GET /v3/certificates serial=") {
		t.Errorf("asked %q, want the list among it", gateway.asked)
	}
}
