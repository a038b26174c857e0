package mutants

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// headersV3 are mistakes in the headers of a request, whose signature is right.
var headersV3 = []mutator{
	{"v3-scheme", RequestV3, (*maker).wrongScheme},
	{"v3-header-form", RequestV3, (*maker).wrongForm},
	{"v3-mchid", RequestV3, func(k *maker) bool {
		return k.items("mchid", k.text(digits, 10), k.world.SubMchID, k.world.AppID, "1"+k.world.MchID)
	}},
	{"v3-serial-platform", RequestV3, func(k *maker) bool {
		return k.items("serial_no", k.world.Certificate.Serial, k.world.PublicKey.Serial)
	}},
	{"v3-serial-form", RequestV3, (*maker).wrongSerialForm},
	{"v3-serial-other", RequestV3, func(k *maker) bool {
		return k.items("serial_no", k.world.Other.Serial, "4"+k.text(capitals, 39), "7"+k.text(capitals, 39))
	}},
	{"v3-clock", RequestV3, (*maker).wrongClock},
	{"v3-milliseconds", RequestV3, func(k *maker) bool {
		k.anew()
		k.setItem("timestamp", k.item("timestamp")+k.text(digits, 3))
		k.sign(k.sent().text())
		return k.as("the header has milliseconds")
	}},
	{"v3-wechatpay-serial", RequestV3, func(k *maker) bool {
		serial := pick(k, []string{"PUB_KEY_ID_" + k.text(digits, 34), "6" + k.text(capitals, 39), k.world.Serial})
		k.Header.Set("Wechatpay-Serial", serial)
		return k.as("Wechatpay-Serial %s", serial)
	}},
	{"v3-accept", RequestV3, func(k *maker) bool { return k.without("Accept") }},
	{"v3-user-agent", RequestV3, func(k *maker) bool { return k.without("User-Agent") }},
}

// without takes a header away.
func (k *maker) without(name string) bool {
	if k.Header.Get(name) == "" {
		return false
	}
	k.Header.Del(name)
	return k.as("no %s", name)
}

// items writes one of several values into the Authorization header.
func (k *maker) items(name string, values ...string) bool {
	value := pick(k, values)
	k.setItem(name, value)
	return k.as("%s=%s", name, value)
}

// wrongScheme writes another type of authorization.
func (k *maker) wrongScheme() bool {
	scheme := pick(k, []string{
		"WECHATPAY2-SHA256-RSA", "WECHATPAY-SHA256-RSA2048", "wechatpay2-sha256-rsa2048", "WECHATPAY2-RSA2048-SHA256", "Bearer",
		"WECHATPAY2-SHA1-RSA2048", "WECHATPAY2-SM2-WITH-SM3", "WECHATPAY2-SHA256-RSA4096", "Basic",
	})
	_, rest, _ := strings.Cut(k.Header.Get("Authorization"), " ")
	k.Header.Set("Authorization", scheme+" "+rest)
	return k.as("%s", scheme)
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

// wrongForm writes the five items in a way that cannot be read.
func (k *maker) wrongForm() bool {
	header := k.Header.Get("Authorization")
	items := k.authorization()
	at := k.random.IntN(len(items))
	one := items[at].name + `="` + items[at].value + `"`
	forms := []string{
		quoted.ReplaceAllString(header, "$1"), quoted.ReplaceAllString(header, "'$1'"), strings.ReplaceAll(header, `",`, `";`),
		strings.Replace(header, "nonce_str=", "nonce=", 1), strings.Replace(header, "serial_no=", "serial=", 1),
		strings.Replace(header, "mchid=", "mch_id=", 1), strings.Replace(header, "timestamp=", "time_stamp=", 1),
		strings.Replace(header, one, items[at].name+`=""`, 1), strings.Replace(header, one, one+","+one, 1),
		strings.TrimSuffix(strings.Replace(header, one+",", "", 1), ","+one), strings.ReplaceAll(header, "=\"", ":\""),
	}
	k.Header.Set("Authorization", pick(k, forms))
	if k.rarely(12) {
		k.Header.Del("Authorization")
	}
	return k.as("Authorization: %s", k.Header.Get("Authorization"))
}

// wrongSerialForm writes the right serial number as other tools print it.
func (k *maker) wrongSerialForm() bool {
	serial := k.world.Serial
	var colons []string
	for i := 0; i < len(serial); i += 2 {
		colons = append(colons, serial[i:i+2])
	}
	joined := strings.Join(colons, ":")
	number, _ := new(big.Int).SetString(serial, 16) // it is hexadecimal
	return k.items("serial_no", strings.ToLower(serial), joined, strings.ToLower(joined), number.String())
}

// wrongClock judges the request at a time that is not its own: some minutes, a time zone, days.
func (k *maker) wrongClock() bool {
	away := pick(k, []time.Duration{
		seconds(k.between(301, 900)), seconds(k.between(900, 86_400)), 8 * time.Hour, 24 * time.Hour * time.Duration(k.between(1, 900)),
	})
	if k.coin() {
		away = -away
	}
	stamp, _ := strconv.ParseInt(k.item("timestamp"), 10, 64) // it is good
	k.At = time.Unix(stamp, 0).Add(away)
	return k.as("the clock is %s away", away)
}
