package config_test

import (
	"encoding/base64"
	"testing"
)

// Only the scheme of a store's address is checked; internal/store checks the rest.
func TestStoreAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"mysql://u:p@h/d", "mariadb://u:p@h/d", "postgres://u:p@h/d", "postgresql://u:p@h/d", "sqlite:/data/store.db", "sqlite:store.db",
	} {
		if got := forV3().with("CLOUDPAY_STORE", address).load(t).Store.Reveal(); got != address {
			t.Errorf("got %q, want %q", got, address)
		}
	}
	for _, address := range []string{"mysql", "sqlite:", "oracle://u:p@h/d", "MYSQL://u:p@h/d", "/data/store.db"} {
		forV3().with("CLOUDPAY_STORE", address).wantFault(t, "CLOUDPAY_STORE", "database that is known", "mysql://USER")
	}
}

// A function's own files end with its instance: orders must not be stored there.
func TestFilesOfAFunctionKeepNoOrders(t *testing.T) {
	t.Parallel()
	for _, platform := range []string{"SCF_RUNTIME", "TENCENTCLOUD_RUNENV", "AWS_LAMBDA_FUNCTION_NAME"} {
		inCloud := forV3().with(platform, "x").with("LAMBDA_TASK_ROOT", "/code").with("USER_CODE_ROOT", "/home/code/")
		for _, path := range []string{
			"/tmp/store.db", "//tmp/store.db", "///tmp/store.db", "/mnt/../tmp/store.db", "store.db", "../mnt/store.db",
			"/var/user/store.db", "/var/task/store.db", "/opt/store.db", "/code/store.db", "/home/code/data/store.db",
		} {
			inCloud.with("CLOUDPAY_STORE", "sqlite:"+path).wantFault(t, "CLOUDPAY_STORE", "lost with its instance", "mounted volume")
		}
		for _, address := range []string{
			"sqlite:/mnt/cfs/store.db", "sqlite:///mnt/store.db", "sqlite:/data/tmp/store.db", "mysql://u:p@h/tmp",
		} {
			inCloud.with("CLOUDPAY_STORE", address).load(t)
		}
		// Only this machine can reach it: the emulator runs it.
		inCloud.with("CLOUDPAY_LISTEN_HOST", "127.0.0.1").with("CLOUDPAY_STORE", "sqlite:/tmp/store.db").load(t)
		inCloud.with("CLOUDPAY_LISTEN_HOST", "0.0.0.0").with("CLOUDPAY_STORE", "sqlite:/tmp/store.db").
			wantFault(t, "CLOUDPAY_STORE", "lost with its instance")
	}
	forV3().with("CLOUDPAY_STORE", "sqlite:/tmp/store.db").load(t)
}

func TestNotifyNeedsAllItsParts(t *testing.T) {
	t.Parallel()
	whole := forV3().with("CLOUDPAY_STORE", storeAddress).with("CLOUDPAY_NOTIFY_URL", notifyURL).with("CLOUDPAY_NOTIFY_KEY", notifyKey)
	whole.load(t)
	whole.without("CLOUDPAY_NOTIFY_URL", "CLOUDPAY_NOTIFY_KEY").load(t)
	whole.without("CLOUDPAY_NOTIFY_KEY").wantFault(t, "CLOUDPAY_NOTIFY_KEY", "is not set beside CLOUDPAY_NOTIFY_URL", "openssl rand")
	whole.without("CLOUDPAY_NOTIFY_URL").wantFault(t, "CLOUDPAY_NOTIFY_URL", "is not set beside CLOUDPAY_NOTIFY_KEY")
	whole.without("CLOUDPAY_STORE").wantFault(t, "CLOUDPAY_NOTIFY_URL", "no store", "CLOUDPAY_STORE")
	whole.with("CLOUDPAY_STORE", "x").wantFault(t, "CLOUDPAY_STORE", "database that is known") // one fault brings no other
	for address, words := range map[string]string{
		"shop.example/hook":           "is not an address",
		"https:///hook":               "is not an address",
		"https://%zz":                 "is not an address",
		"https://u:p@shop.example/":   "has a user",
		"https://shop.example/#a":     "has a user or a fragment",
		"http://shop.example/hook":    "is not https",
		"ftp://127.0.0.1/hook":        "is not https",
		"http://10.0.0.7:8080/hooks/": "is not https",
	} {
		whole.with("CLOUDPAY_NOTIFY_URL", address).wantFault(t, "CLOUDPAY_NOTIFY_URL", words)
	}
	whole.with("CLOUDPAY_NOTIFY_URL", "http://127.0.0.1:8080/hook?a=b").load(t)
	const whsec = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	whole.with("CLOUDPAY_NOTIFY_KEY", whsec).load(t)
	for value, words := range map[string]string{
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=":                       "begins with whsec_",
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8":            "base64 of 24 to 64 bytes: make one: echo whsec_$(openssl",
		"whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)): "24 to 64",
		"whsec_openssl-rand-hex-32 " + whsec:                           "is wrong in its first value: it begins with whsec_",
	} {
		whole.with("CLOUDPAY_NOTIFY_KEY", value).wantFault(t, "CLOUDPAY_NOTIFY_KEY", words)
	}
	whole.with("CLOUDPAY_NOTIFY_KEY", "short").wantFault(t, "CLOUDPAY_NOTIFY_KEY", "less than 16")
}

func TestSweepNumbers(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		"CLOUDPAY_SWEEP_CONCURRENCY": {"0", "-1", "1001", "1.5", "many", "0x10"},
		"CLOUDPAY_SWEEP_PER_SECOND":  {"0", "0.01", "-1", "10001", "NaN", "+Inf", "fast"},
		"CLOUDPAY_SWEEP_ATTEMPTS":    {"0", "101", "twelve"},
		"CLOUDPAY_SWEEP_FIRST":       {"Query", "pay"},
		"CLOUDPAY_PRUNE_AFTER":       {"90", "29d", "-90d", "36501d", "2160h", "d", "90D"},
	} {
		for _, value := range values {
			forV3().with(variable, value).wantFault(t, variable)
		}
	}
}

func TestMemoryIsThePlatformsWord(t *testing.T) {
	t.Parallel()
	for variable, value := range map[string]string{
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "SCF_FUNCTION_MEMORY_SIZE": "256", "FUNCTION_MEMORY_SIZE": "256",
	} {
		if got := forV3().with(variable, value).load(t).MemoryMB; got != 256 {
			t.Errorf("%s: got %d MB, want 256", variable, got)
		}
	}
	for _, value := range []string{"", "lots", "-1"} {
		if got := forV3().with("FUNCTION_MEMORY_SIZE", value).load(t).MemoryMB; got != 0 {
			t.Errorf("%q: got %d MB, want 0", value, got)
		}
	}
}
