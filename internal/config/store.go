package config

import (
	"cmp"
	"encoding/base64"
	"math"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// storeSchemes are the schemes of a store's address. internal/store checks the rest of it.
var storeSchemes = []string{"mysql", "mariadb", "postgres", "postgresql", schemeSQLite}

// schemeSQLite has a file instead of a server.
const schemeSQLite = "sqlite"

// readStore checks the scheme of the store's address.
func readStore(c *Config, value string) *Fault {
	scheme, rest, _ := strings.Cut(value, ":")
	if !slices.Contains(storeSchemes, scheme) || rest == "" {
		return &Fault{Problem: bilingual.New("is no address of a database that is known here", "不是受支持的数据库地址")}
	}
	c.Store = NewSecret(value)
	return nil
}

// fleetingRoots are folders in which a function's files end with its instance, or are not shared
// with the next one: scratch space, the unpacked code of SCF and Lambda, and their layers.
var fleetingRoots = []string{"/tmp", "/var/user", "/var/task", "/var/runtime", "/opt", "/dev", "/run"}

// fleeting finds an SQLite file that the platform would delete together with the orders in it: in a
// cloud function, any file outside a mounted volume. A function that listens on loopback only is
// not in a cloud: the emulator runs it.
func (env environment) fleeting(c Config) []Fault {
	scheme, file, _ := strings.Cut(c.Store.Reveal(), ":")
	inCloud := cmp.Or(env["SCF_RUNTIME"], env["TENCENTCLOUD_RUNENV"], env["AWS_LAMBDA_FUNCTION_NAME"]) != ""
	if scheme != schemeSQLite || !inCloud || isLoopback(env["CLOUDPAY_LISTEN_HOST"]) {
		return nil
	}
	// A relative path is below the working directory: the unpacked code.
	file = path.Clean(strings.TrimPrefix(file, "//"))
	lost := !path.IsAbs(file)
	for _, root := range append([]string{env["USER_CODE_ROOT"], env["LAMBDA_TASK_ROOT"]}, fleetingRoots...) {
		lost = lost || root != "" && strings.HasPrefix(file, path.Clean(root)+"/")
	}
	if !lost {
		return nil
	}
	return []Fault{{
		Variable: nameStore, Problem: bilingual.New("is a file of the function's own, which is lost with its instance", "是函数实例自己的文件，会随实例丢失"),
		Remedy: bilingual.New("give a database at mysql:// or postgres://, or a path on a mounted volume, for example below /mnt",
			"请填 mysql:// 或 postgres:// 的数据库，或挂载卷上的路径，如 /mnt 下"),
	}}
}

// memory is the function's memory in MB according to the platform; 0 if the platform does not say.
func (env environment) memory() int {
	for _, name := range []string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "SCF_FUNCTION_MEMORY_SIZE", "FUNCTION_MEMORY_SIZE"} {
		if size, err := strconv.Atoi(env[name]); err == nil && size > 0 {
			return size
		}
	}
	return 0
}

// readNotifyURL checks the address that internal/notify posts to. Its path and query may be secret.
func readNotifyURL(c *Config, value string) *Fault { return readReceiver(&c.NotifyURL, value) }

// readForwardURL checks the address that internal/paynotify passes notifications on to. Its path
// and query may be secret.
func readForwardURL(c *Config, value string) *Fault { return readReceiver(&c.ForwardURL, value) }

// readReceiver reads the address of a receiver of the merchant's.
func readReceiver(field *Secret, value string) *Fault {
	address, err := url.Parse(value)
	switch {
	case err != nil, address.Host == "", address.Hostname() == "", address.Opaque != "":
		// The parser's message contains the value.
		return &Fault{Problem: bilingual.New("is not an address", "不是地址")}
	// A password in the address would be sent as a header of its own; a fragment is never sent.
	case address.User != nil, address.Fragment != "", strings.HasSuffix(value, "#"):
		return &Fault{Problem: bilingual.New("has a user or a fragment", "含有用户名或片段")}
	case address.Scheme != "https" && (address.Scheme != "http" || !isLoopback(address.Hostname())):
		return &Fault{Problem: bilingual.New("is not https, and its host is not loopback", "不是 https，且主机不是回环地址")}
	}
	*field = NewSecret(value)
	return nil
}

// readNotifyKeys reads one key, or two with a space between, as tokens. One that begins with whsec_
// is decoded by internal/notify and by receivers.
func readNotifyKeys(c *Config, value string) *Fault {
	if fault := tokens(func(c *Config) *[]Secret { return &c.NotifyKeys })(c, value); fault != nil {
		return fault
	}
	const least, most = 24, 64
	for i, key := range c.NotifyKeys {
		encoded, is := strings.CutPrefix(key.Reveal(), "whsec_")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if is && (err != nil || len(secret) < least || len(secret) > most) {
			return inValue(i, len(c.NotifyKeys), &Fault{Problem: bilingual.New(
				"begins with whsec_ and does not go on with the base64 of 24 to 64 bytes", "以 whsec_ 开头，但其后不是 24 至 64 字节的 base64")})
		}
	}
	return nil
}

// contradictedNotify requires the address, the key and the store together, or neither address nor
// key.
func contradictedNotify(c Config) []Fault {
	hasURL, hasKey := c.NotifyURL.Reveal() != "", len(c.NotifyKeys) > 0
	switch {
	case hasURL && !hasKey:
		return []Fault{{
			Variable: nameNotifyKey, Problem: notBeside(nameNotifyURL),
			Remedy: bilingual.Sprintf("%s; without it the receiver cannot tell events from forgeries",
				"%s；没有它，任何人都可伪造通知", remedyNotifyKey),
		}}
	case hasKey && !hasURL:
		return []Fault{{
			Variable: nameNotifyURL, Problem: notBeside(nameNotifyKey),
			Remedy: bilingual.New("give the address that events are delivered to, or neither", "请填写通知地址，或两者都不设置"),
		}}
	case hasURL && c.Store.Reveal() == "":
		return []Fault{{
			Variable: nameNotifyURL, Problem: bilingual.New("is set, and there is no store of orders that have events", "已设置，但没有订单存储可供通知"),
			Remedy: bilingual.New("set "+nameStore+", or remove it", "请设置 "+nameStore+"，或去掉此项"),
		}}
	}
	return nil
}

// notBeside is the problem of a variable that is missing although another one is set.
func notBeside(name string) bilingual.Text {
	return bilingual.New("is not set beside "+name, "未与 "+name+" 一同设置")
}

// number reads an integer from least to most.
func number(least, most int, field func(c *Config) *int) func(*Config, string) *Fault {
	return func(c *Config, value string) *Fault {
		n, err := strconv.Atoi(value)
		// Atoi refuses fractions, spaces and numbers beyond int.
		if err != nil || n < least || n > most {
			return &Fault{Problem: bilingual.Sprintf("is not a whole number from %d to %d", "不是 %d 至 %d 的整数", least, most)}
		}
		*field(c) = n
		return nil
	}
}

// readPruneAfter reads a number of days. Fewer than thirty are most likely a mistake, and what is
// pruned is gone.
func readPruneAfter(c *Config, value string) *Fault {
	const least, most = 30, 36_500
	text, isDays := strings.CutSuffix(value, "d")
	n, err := strconv.Atoi(text)
	if !isDays || err != nil || n < least || n > most {
		return &Fault{Problem: bilingual.Sprintf("is not a number of days from %dd to %dd", "不是 %dd 至 %dd 的天数", least, most)}
	}
	c.PruneAfter = time.Duration(n) * 24 * time.Hour
	return nil
}

// readPerSecond reads a rate, which may be below one call a second.
func readPerSecond(c *Config, value string) *Fault {
	const least, most = 0.1, 10_000
	n, err := strconv.ParseFloat(value, 64)
	// ParseFloat also accepts NaN and infinities.
	if err != nil || math.IsNaN(n) || n < least || n > most {
		return &Fault{Problem: bilingual.New("is not a number from 0.1 to 10000", "不是 0.1 至 10000 之间的数")}
	}
	c.Sweep.PerSecond = n
	return nil
}
