package doctor_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/internal/doctor"
	"cloudpay/pkg/paygate"
)

// A fault of the keys shows in the answer, with its likely causes.
func TestAnswer(t *testing.T) {
	t.Parallel()
	otherKey := newKey(t, 2048)
	cases := map[string]struct {
		v2, v3 bool // the only dialect
		vars   map[string]string
		fault  paygate.Fault
		level  doctor.Level
		says   []string
	}{
		"v3 serial number": {
			v3: true, vars: map[string]string{"WXPAY_SERIAL_NO": "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"},
			level: doctor.LevelFault, says: []string{"SIGNERROR", "WXPAY_SERIAL_NO is not the serial number", "证书序列号"},
		},
		"v3 private key": {
			v3: true, vars: map[string]string{"WXPAY_PRIVATE_KEY": privatePEM(t, otherKey)},
			level: doctor.LevelFault, says: []string{"SIGNERROR", "--certificate"},
		},
		"v3 public key": {
			v3: true, vars: map[string]string{"WXPAY_PUBLIC_KEY": publicPEM(t, otherKey)},
			level: doctor.LevelFault, says: []string{"BAD_SIGNATURE", "is not the key of WXPAY_PUBLIC_KEY_ID"},
		},
		"v3 public key id": {
			v3: true, vars: map[string]string{"WXPAY_PUBLIC_KEY_ID": "PUB_KEY_ID_0"},
			level: doctor.LevelFault, says: []string{"UNKNOWN_SERIAL", "WXPAY_PUBLIC_KEY_ID is the merchant console's"},
		},
		"v3 APIv3 key": {
			v3: true, vars: map[string]string{
				"WXPAY_V3_KEY": "AbCdEfGhIjKlMnOpQrStUvWxYz012345", "WXPAY_PUBLIC_KEY_ID": "", "WXPAY_PUBLIC_KEY": "",
			},
			level: doctor.LevelFault, says: []string{"CONFIG_ERROR", "not the APIv2 key"},
		},
		"v2 key": {
			v2: true, vars: map[string]string{"WXPAY_V2_KEY": "AbCdEfGhIjKlMnOpQrStUvWxYz012345"},
			level: doctor.LevelFault, says: []string{"SIGNERROR", "the APIv3 key is as long", "APIv2 密钥"},
		},
		"v2 appid": {
			v2: true, vars: map[string]string{"WXPAY_APPID": "wx0123456789abcdef"},
			level: doctor.LevelFault, says: []string{"FOREIGN_REPLY", "WXPAY_APPID is bound to WXPAY_MCHID"},
		},
		"v3 over a foreign route": {
			v3: true, vars: map[string]string{"WXPAY_ROUTE": ""},
			level: doctor.LevelWarning, says: []string{"merchant, key and verification are right, but TLS may end elsewhere", "WXPAY_ROUTE=own"},
		},
		"v2 over a foreign route": {
			v2: true, vars: map[string]string{"WXPAY_ROUTE": ""},
			level: doctor.LevelWarning, says: []string{"a query has to confirm every close", "途中没有设备解密 TLS"},
		},
		"signed refusal": {
			v3: true, fault: paygate.Fault{Action: paygate.Refuse, Code: "NO_AUTH"},
			level: doctor.LevelFault, says: []string{"NOAUTH", "signed, so the keys are right", "product's permission"},
		},
		"without its signature": {
			v3: true, fault: paygate.Fault{Action: paygate.Unsigned},
			level: doctor.LevelFault, says: []string{"UNSIGNED_REPLY", "a proxy strips"},
		},
		"a key that nobody has": {
			v3: true, fault: paygate.Fault{Action: paygate.UnknownSerial},
			level: doctor.LevelFault, says: []string{"UNKNOWN_SERIAL", "WXPAY_V3_KEY"},
		},
		"signed long ago": {
			v3: true, fault: paygate.Fault{Action: paygate.Stale},
			level: doctor.LevelFault, says: []string{"STALE_REPLY", "the clocks agree", "时钟一致"},
		},
		"too often": {
			v3: true, fault: paygate.Fault{Action: paygate.RateLimit},
			level: doctor.LevelWarning, says: []string{"FREQUENCY_LIMITED"},
		},
		"cut off": { // NETWORK_ERROR, unless there was no time left for the last attempt
			v3: true, fault: paygate.Fault{Action: paygate.Drop},
			level: doctor.LevelFault, says: []string{"try again"},
		},
		"cut short": {
			v3: true, fault: paygate.Fault{Action: paygate.Truncate},
			level: doctor.LevelFault, says: []string{"proxy"},
		},
		"a probe": { // the retry is answered
			v3: true, fault: paygate.Fault{Action: paygate.Probe, Times: 1},
			level: doctor.LevelFine, says: []string{"signed ORDERNOTEXIST"},
		},
		"an order that cannot be": {
			v3: true, fault: paygate.Fault{Action: paygate.WrongOrder},
			level: doctor.LevelFault, says: []string{"FOREIGN_REPLY"},
		},
	}
	envs := map[string]*env{}
	for name, c := range cases {
		w := newEnv(t).with(c.vars)
		if c.v2 {
			w.onlyV2()
		}
		if c.v3 {
			w.onlyV3()
		}
		if c.fault.Action != "" {
			c.fault.Op = "query"
			w.MustInject(c.fault)
		}
		envs[name] = w
	}
	for name, got := range examineAll(t, envs) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, says := range cases[name].says {
				got.of(doctor.CheckAnswer).want(t, cases[name].level, says)
			}
		})
	}
}

// Each dialect is queried by itself.
func TestAnswerOfEachDialect(t *testing.T) {
	t.Parallel()
	got := newEnv(t).with(map[string]string{"WXPAY_V2_KEY": "AbCdEfGhIjKlMnOpQrStUvWxYz012345"}).examined().of(doctor.CheckAnswer)
	got.about("v3").want(t, doctor.LevelFine, "signed ORDERNOTEXIST")
	got.about("v2").want(t, doctor.LevelFault, "SIGNERROR")
}

// A service provider's query needs a sub-merchant.
func TestAnswerToServiceProvider(t *testing.T) {
	t.Parallel()
	w := newEnv(t).onlyV3().with(map[string]string{"WXPAY_MODE": "partner", "WXPAY_SUB_MCHIDS": "1900000109"})
	w.MustAddOrder(paygate.Order{MchID: w.Merchant.MchID, SubMchID: "1900000109", OutTradeNo: "A1", Total: 1})
	w.examined().of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "--sub-mch-id")
	w.doctor.SubMchID = "1900000109"
	w.examined().of(doctor.CheckAnswer).want(t, doctor.LevelFine, "signed ORDERNOTEXIST")
	w.doctor.SubMchID = "1900000110"
	w.examined().of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "WXPAY_SUB_MCHIDS")
	w.doctor.SubMchID = "not a number"
	w.examined().of(doctor.CheckAnswer).want(t, doctor.LevelSkipped, "--sub-mch-id")
}

// Each query has a new random order number.
func TestAnswerIsAboutNobodysOrder(t *testing.T) {
	t.Parallel()
	w := newEnv(t).onlyV3()
	w.examined()
	w.examined()
	asked := map[string]bool{}
	for _, r := range w.Requests() {
		if r.Op == "query" {
			asked[r.OutTradeNo] = true
			if !strings.HasPrefix(r.OutTradeNo, "DOCTOR") || len(r.OutTradeNo) != 32 {
				t.Errorf("asked for order %q", r.OutTradeNo)
			}
		}
		if r.Op == "close" {
			t.Errorf("an order was closed: %+v", r)
		}
	}
	if len(asked) != 2 {
		t.Errorf("two examinations asked for %d orders", len(asked))
	}
}

// The clock is named as a cause only while it may be wrong.
func TestAnswerAndClock(t *testing.T) {
	t.Parallel()
	wrongSerial := map[string]string{"WXPAY_SERIAL_NO": "5A0D6B1F9C3E47A2B8D1F00C6E7A94D3B2C1E0F9"}
	envs := map[string]*env{
		"signature, clock right": newEnv(t).onlyV3().with(wrongSerial),
		"signature, clock wrong": newEnv(t).onlyV3().with(wrongSerial),
		"stale, clock right":     newEnv(t).onlyV3(),
		"stale, clock wrong":     newEnv(t).onlyV3(),
	}
	for name, w := range envs {
		if strings.HasPrefix(name, "stale") {
			w.MustInject(paygate.Fault{Op: "query", Action: paygate.Stale})
		}
		if strings.HasSuffix(name, "wrong") {
			w.doctor.Now = func() time.Time { return time.Now().Add(time.Hour) }
		}
	}
	for name, got := range examineAll(t, envs) {
		answer := got.of(doctor.CheckAnswer)
		if len(answer) != 1 {
			t.Fatalf("%s: got %s", name, got.text())
		}
		blamed := strings.Contains(answer[0].Remedy.EN, "the clock is more than") || strings.Contains(answer[0].Remedy.EN, "set this machine's clock")
		if want := strings.HasSuffix(name, "wrong"); blamed != want {
			t.Errorf("%s: the remedy blames the clock: %t, want %t: %s", name, blamed, want, answer.text())
		}
	}
}
