package doctor_test

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/doctor"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
	"cloudpay/internal/store/sqlite"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

func TestMain(m *testing.M) {
	store.LinkSQLite(sqlite.Driver{}) // as the command does
	os.Exit(m.Run())
}

// examinationLimit is how long the examination of a faulty configuration may take.
const examinationLimit = 5 * time.Second

// livingFault is a configuration whose fault shows only by asking what it leads to.
type livingFault struct {
	name string
	// make makes the fault.
	make func(e *env)
	// check, level and says are the first fault that is found, or else the first warning.
	check doctor.Check
	level doctor.Level
	says  string
}

// living are the faults that need no database server. Those that do are in livingDatabases.
var living = []livingFault{
	{"no database listens", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@127.0.0.1:1/shop")
	}, doctor.CheckStore, doctor.LevelFault, "nothing listens at its port"},
	{"the database's name is misspelt", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@db.shop.example/shop")
		e.doctor.LookUp(func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		})
	}, doctor.CheckStore, doctor.LevelFault, "the name of its server cannot be resolved"},
	{"the database's name is one of another network", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@db.shop.internal/shop")
		e.doctor.LookUp(func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		})
	}, doctor.CheckStore, doctor.LevelWarning, "run doctor where the functions run"},
	{"what listens says nothing to PostgreSQL", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@" + listening(e.t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) + "/shop?sslmode=disable")
	}, doctor.CheckStore, doctor.LevelFault, "did not answer in time"},
	{"what listens says nothing to MySQL", func(e *env) {
		e.withStore("mysql://u:pa55word-of-the-st0re@" + listening(e.t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) + "/shop")
	}, doctor.CheckStore, doctor.LevelFault, "did not answer in time"},
	{"what listens sends one byte after the other", func(e *env) {
		e.withStore("mysql://u:pa55word-of-the-st0re@" + listening(e.t, drip) + "/shop")
	}, doctor.CheckStore, doctor.LevelFault, "did not answer in time"},
	{"what listens sends without end", func(e *env) {
		e.withStore("mysql://u:pa55word-of-the-st0re@" + listening(e.t, flood) + "/shop")
	}, doctor.CheckStore, doctor.LevelFault, "what answered is no such database"},
	{"a web server in the database's place", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@" + listening(e.t, answering("HTTP/1.1 400 Bad Request\r\n\r\n")) + "/shop?sslmode=disable")
	}, doctor.CheckStore, doctor.LevelFault, "what answered is no such database"},
	{"MySQL in PostgreSQL's place", func(e *env) {
		e.withStore("postgres://u:pa55word-of-the-st0re@" + listening(e.t, answering("J\x00\x00\x00\x0a8.0.36")) + "/shop")
	}, doctor.CheckStore, doctor.LevelFault, "what answered is no such database"},
	{"the database is reached over the internet in clear", func(e *env) {
		e.withStore("mysql://u:pa55word-of-the-st0re@192.0.2.1:3306/shop")
		e.doctor.Offline = true
	}, doctor.CheckConfiguration, doctor.LevelFault, "over the internet without TLS"},
	{"a SQLite file that is not there", func(e *env) {
		e.withStore("sqlite:" + filepath.Join(e.t.TempDir(), "orders.db"))
	}, doctor.CheckStore, doctor.LevelFault, "there is no such file"},
	{"a folder for a SQLite file", func(e *env) {
		e.withStore("sqlite:" + e.t.TempDir())
	}, doctor.CheckStore, doctor.LevelFault, "is no file"},
	{"a file that is not SQLite's", func(e *env) {
		e.withStore("sqlite:" + writeFile(e.t, []byte("out_trade_no,close_at\nA1,600\n")))
	}, doctor.CheckStore, doctor.LevelFault, "is no SQLite database"},
	{"a SQLite file that others may read", func(e *env) {
		file := migrated(e.t, 3)
		const readable = 0o644
		if err := os.Chmod(file, readable); err != nil {
			e.t.Fatal(err)
		}
		e.withStore("sqlite:" + file)
	}, doctor.CheckStore, doctor.LevelWarning, "chmod 600"},
	{"a schema of the release before", func(e *env) {
		e.withStore("sqlite:" + migrated(e.t, 2))
	}, doctor.CheckSchema, doctor.LevelFault, "run `cloudpay orders migrate`"},
	{"a store without tables", func(e *env) {
		e.withStore("sqlite:" + migrated(e.t, 0))
	}, doctor.CheckSchema, doctor.LevelFault, "run `cloudpay orders migrate`"},

	{"no receiver listens", func(e *env) {
		e.withReceiver(nil)
		e.vars["CLOUDPAY_NOTIFY_URL"] = "http://127.0.0.1:1/hook"
	}, doctor.CheckWebhook, doctor.LevelFault, "nothing listens there"},
	{"a receiver's certificate of an unknown authority", func(e *env) {
		e.withReceiver(nil)
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = quiet()
		server.StartTLS()
		e.t.Cleanup(server.Close)
		e.vars["CLOUDPAY_NOTIFY_URL"] = server.URL + "/hook"
	}, doctor.CheckWebhook, doctor.LevelFault, "not signed by an authority that this machine trusts"},
	{"a receiver that has moved", func(e *env) {
		e.withReceiver(http.RedirectHandler("https://new.shop.example/hook?token=s3cret", http.StatusMovedPermanently).ServeHTTP)
	}, doctor.CheckWebhook, doctor.LevelFault, "CLOUDPAY_NOTIFY_URL=https://new.shop.example/PATH"},
	{"a receiver that sends to a login", func(e *env) {
		e.withReceiver(http.RedirectHandler("/login", http.StatusFound).ServeHTTP)
	}, doctor.CheckWebhook, doctor.LevelWarning, "answers a HEAD with HTTP 302"},
	{"a receiver that never answers", func(e *env) {
		e.withReceiver(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}, doctor.CheckWebhook, doctor.LevelFault, "connected, and no answer within"},
	{"a receiver whose proxy finds nothing", func(e *env) {
		e.withReceiver(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}, doctor.CheckWebhook, doctor.LevelWarning, "reaches no receiver"},
	{"a receiver with another key", func(e *env) {
		e.sending().withReceiver(verifying("another-key-of-the-receiver"))
	}, doctor.CheckWebhook, doctor.LevelFault, "give the receiver the key in CLOUDPAY_NOTIFY_KEY"},
	{"a receiver at another path", func(e *env) {
		e.sending().withReceiver(http.NotFound)
	}, doctor.CheckWebhook, doctor.LevelFault, "correct the path"},
	{"a receiver that fails", func(e *env) {
		e.sending().withReceiver(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
	}, doctor.CheckWebhook, doctor.LevelFault, "with HTTP 500"},
	{"a receiver that redirects deliveries", func(e *env) {
		e.sending().withReceiver(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			}
		})
	}, doctor.CheckWebhook, doctor.LevelFault, "no redirect is followed"},
	{"a receiver that believes anyone", func(e *env) {
		e.sending().withReceiver(func(http.ResponseWriter, *http.Request) {})
	}, doctor.CheckWebhook, doctor.LevelFault, "anyone who knows its address"},
	{"a receiver that never ends its answer", func(e *env) {
		e.sending().withReceiver(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusNotImplemented)
				pour(w)
			}
		})
	}, doctor.CheckWebhook, doctor.LevelFault, "with HTTP 501"},
	{"a receiver that reads a delivery and says nothing", func(e *env) {
		e.sending().withReceiver(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			}
		})
	}, doctor.CheckWebhook, doctor.LevelFault, "did not answer a test event in time"},

	{"an address of another region", func(e *env) {
		e.doctor.Offline = true
		e.with(map[string]string{"WXPAY_BASE_URL": "https://apihk.mch.weixin.qq.com", "WXPAY_BACKUP_URL": ""})
	}, doctor.CheckRegion, doctor.LevelFault, "WXPAY_REGION=global"},
	{"the merchant console's address", func(e *env) {
		e.doctor.Offline = true
		e.with(map[string]string{"WXPAY_BASE_URL": "https://pay.weixin.qq.com", "WXPAY_BACKUP_URL": ""})
	}, doctor.CheckRegion, doctor.LevelFault, "WXPAY_BASE_URL=https://api.mch.weixin.qq.com"},
	{"the self-test is answered with a wrong signature", func(e *env) {
		e.onlyV3().MustInject(paygate.Fault{Op: "echo", Action: paygate.BadSignature, Times: 9})
	}, doctor.CheckSelfTest, doctor.LevelFault, "is not signed by the one that is held"},
	{"the self-test is answered without a signature", func(e *env) {
		e.onlyV3().MustInject(paygate.Fault{Op: "echo", Action: paygate.Unsigned, Times: 9})
	}, doctor.CheckSelfTest, doctor.LevelFault, "its answer is not signed"},
	{"the self-test is answered by another key", func(e *env) {
		e.onlyV3().MustInject(paygate.Fault{Op: "echo", Action: paygate.UnknownSerial, Times: 9})
	}, doctor.CheckSelfTest, doctor.LevelFault, "and another was asked for"},
	{"another APIv3 key", func(e *env) {
		e.onlyV3().byCertificates().with(map[string]string{"WXPAY_V3_KEY": "Kq7vX9pLm4Zt2RwYb8NcHs3Jd6Fg5Ae1"})
	}, doctor.CheckPlatformKeys, doctor.LevelFault, "does not decrypt the platform certificates"},
	{"a merchant that was switched to the public key", func(e *env) {
		switched := newEnv(e.t, paygate.Options{NoCertificates: true})
		e.Server, e.vars = switched.Server, switched.vars
		e.onlyV3().byCertificates()
	}, doctor.CheckPlatformKeys, doctor.LevelFault, "WXPAY_PUBLIC_KEY_ID=PUB_KEY_ID_01"},
	{"a sub-merchant of another service provider", func(e *env) {
		e.onlyV3().with(map[string]string{"WXPAY_SUB_MCHID": "1900000555"})
	}, doctor.CheckAnswer, doctor.LevelFault, "NOAUTH"},
}

// Each living fault is the first that is found, and within the time.
func TestLivingFaults(t *testing.T) {
	t.Parallel()
	for _, row := range living {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.examine(t, newEnv(t))
		})
	}
}

// examine makes the fault and examines the environment.
func (row livingFault) examine(t *testing.T, e *env) {
	t.Helper()
	row.make(e)
	ctx, cancel := context.WithTimeout(t.Context(), examinationLimit)
	defer cancel()
	list := e.examinedWithin(ctx)
	first := list.worst(row.level)
	if row.level == doctor.LevelWarning { // a server has several
		first = list.saying(row.says).worst(row.level)
	}
	if first.Check != row.check || first.Level != row.level || !strings.Contains(findings{first}.text(), row.says) {
		t.Errorf("got first\n%swant %s %s saying %q, in\n%s", findings{first}.text(), row.check, row.level, row.says, list.text())
	}
	if strings.Contains(list.text(), "pa55word") || strings.Contains(list.text(), "s3cret") {
		t.Errorf("a secret of an address is shown:\n%s", list.text())
	}
}

// worst is the first finding of a level, but for what is said of the callers: any may call here.
func (list findings) worst(level doctor.Level) doctor.Finding {
	for _, f := range list {
		if f.Level == level && f.Check != doctor.CheckCallers {
			return f
		}
	}
	return doctor.Finding{}
}

// A store, a receiver and keys that are right have no fault and no warning.
func TestLivingSound(t *testing.T) {
	t.Parallel()
	for name, vars := range map[string]map[string]string{
		"public key":       {},
		"both":             {"WXPAY_V3_KEY": "own"},
		"service provider": {"WXPAY_SUB_MCHID": "1900000109", "WXPAY_SUB_MCHIDS": "1900000109,1900000110", "WXPAY_SUB_APPID": "wx0123456789abcdef"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t).with(vars).sending()
			if vars["WXPAY_V3_KEY"] != "" {
				e.vars["WXPAY_V3_KEY"] = e.Merchant.V3Key
			}
			e.MustAddOrder(paygate.Order{MchID: e.Merchant.MchID, SubMchID: vars["WXPAY_SUB_MCHID"], OutTradeNo: "A1", Total: 1})
			e.withStore("sqlite:" + migrated(t, 3))
			e.withReceiver(verifying(receiverKey))
			list := e.examined()
			for _, f := range list {
				if f.Level == doctor.LevelFault || f.Level == doctor.LevelWarning && f.Check != doctor.CheckCallers {
					t.Errorf("of a good configuration: %s", findings{f}.text())
				}
			}
			list.of(doctor.CheckStore).want(t, doctor.LevelFine, "a SQLite file on this machine")
			list.of(doctor.CheckSchema).want(t, doctor.LevelFine, "this program is of step 3")
			for _, says := range []string{"answers, HTTP ", "acknowledges a signed test event", "refuses one with a wrong signature (HTTP 401)"} {
				list.of(doctor.CheckWebhook).saying(says).want(t, doctor.LevelFine, says)
			}
			if tests := list.of(doctor.CheckSelfTest); len(tests) != 2 {
				t.Errorf("got %d self-tests, want one at each domain:\n%s", len(tests), list.text())
			}
			list.of(doctor.CheckPlatformKeys).want(t, doctor.LevelFine, "platform certificates")
		})
	}
}

// A merchant with platform certificates alone is asked about by the newest of them.
func TestSelfTestByCertificate(t *testing.T) {
	t.Parallel()
	e := newEnv(t).onlyV3().byCertificates()
	list := e.examined()
	list.wantNoFault(t)
	list.of(doctor.CheckPlatformKeys).want(t, doctor.LevelFine, "WXPAY_V3_KEY decrypts the platform certificates")
	for _, f := range list.of(doctor.CheckSelfTest) {
		findings{f}.want(t, doctor.LevelFine, "by "+e.CertificateSerial())
	}
}

// A certificate that ends is told before: there is none to verify replies with afterwards.
func TestPlatformCertificateEnds(t *testing.T) {
	t.Parallel()
	e := newEnv(t, paygate.Options{CertificateLifetime: 48 * time.Hour}).onlyV3().byCertificates()
	e.examined().of(doctor.CheckPlatformKeys).want(t, doctor.LevelWarning, "there is no next one")
}

// What is not asked is said, each with why.
func TestLivingSaysWhatItSkips(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.withStore("sqlite:" + migrated(t, 3)).withReceiver(verifying(receiverKey))
	e.examined().of(doctor.CheckWebhook).saying("was not checked").want(t, doctor.LevelSkipped, "--send delivers a test event")
	e.doctor.Offline = true
	list := e.examined()
	for _, check := range []doctor.Check{
		doctor.CheckStore, doctor.CheckSchema, doctor.CheckRights, doctor.CheckClock, doctor.CheckWebhook, doctor.CheckSelfTest, doctor.CheckAnswer,
		doctor.CheckBindings, doctor.CheckMainDomain,
	} {
		list.of(check).want(t, doctor.LevelSkipped, "--offline")
	}
	hk := newEnv(t).onlyV3().with(map[string]string{"WXPAY_REGION": "hk"})
	hk.examined().of(doctor.CheckSelfTest).want(t, doctor.LevelSkipped, "mainland merchants alone")
	v2 := newEnv(t).onlyV2()
	v2.examined().of(doctor.CheckSelfTest).want(t, doctor.LevelSkipped, "whose keys are not given")
	v2.examined().of(doctor.CheckBindings).want(t, doctor.LevelFine, "together with WXPAY_MCHID")
	v3 := newEnv(t).onlyV3()
	v3.examined().of(doctor.CheckBindings).want(t, doctor.LevelSkipped, "APPID_MCHID_NOT_MATCH")
}

// saying are the findings that say something.
func (list findings) saying(text string) findings {
	var some findings
	for _, f := range list {
		if strings.Contains((findings{f}).text(), text) {
			some = append(some, f)
		}
	}
	return some
}

// withStore sets the store's address.
func (e *env) withStore(address string) *env {
	return e.with(map[string]string{"CLOUDPAY_STORE": address})
}

// sending has test events delivered.
func (e *env) sending() *env {
	e.doctor.Send = true
	return e
}

// byCertificates removes the public key. WXPAY_V3_KEY is the merchant's, until it is set otherwise.
func (e *env) byCertificates() *env {
	own := map[string]string{"WXPAY_PUBLIC_KEY_ID": "", "WXPAY_PUBLIC_KEY": "", "WXPAY_V3_KEY": e.Merchant.V3Key}
	maps.Copy(e.vars, own)
	return e
}

const receiverKey = "receiver-key-0123456789"

// withReceiver starts a receiver of events, and a store where there is none.
func (e *env) withReceiver(handle http.HandlerFunc) *env {
	e.t.Helper()
	server := httptest.NewServer(handle)
	e.t.Cleanup(server.Close)
	telemetrytest.Secret(e.t, telemetrytest.Token, receiverKey)
	if e.vars["CLOUDPAY_STORE"] == "" {
		e.withStore("sqlite:" + migrated(e.t, 3))
	}
	return e.with(map[string]string{"CLOUDPAY_NOTIFY_URL": server.URL + "/hook", "CLOUDPAY_NOTIFY_KEY": receiverKey})
}

// migrated is a SQLite file with the steps up to one; an empty file for 0.
func migrated(t *testing.T, step int64) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "orders.db")
	if step == 0 {
		const private = 0o600
		if err := os.WriteFile(file, nil, private); err != nil {
			t.Fatal(err)
		}
		return file
	}
	if _, err := migrate.UpTo(t.Context(), "sqlite:"+file, step); err != nil {
		t.Fatal(err)
	}
	return file
}
