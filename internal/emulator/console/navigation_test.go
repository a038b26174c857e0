package console_test

import (
	"regexp"
	"strings"
	"testing"
)

// Each link of the navigation leads to a page that marks it and no other, by a key of its own that
// the list of keys has, in both languages.
func TestNavigation(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(&fakeRegister{})
	first := fetch(t, c.URL+"/", map[string]string{"Accept-Language": "en"})
	links := regexp.MustCompile(`<a href="([^"]+)" data-go="(.)"[^>]*>([^<]+)</a>`).FindAllStringSubmatch(first.text, -1)
	if len(links) < 4 {
		t.Fatalf("got the links %v, want one for each page", links)
	}
	keys := map[string]string{}
	for _, link := range links {
		path, key, title := link[1], link[2], link[3]
		if other, taken := keys[key]; taken {
			t.Errorf("the key %s goes to %s and to %s", key, other, path)
		}
		keys[key] = path
		got := fetch(t, c.URL+path, nil)
		got.want(200, `<a href="`+path+`" data-go="`+key+`" aria-current="page">`, "<kbd>"+key+"</kbd></dt><dd>"+title+"</dd>")
		if marked := strings.Count(got.text, `aria-current="page">`); marked != 1 {
			t.Errorf("%s: got %d links marked, want one", path, marked)
		}
		if chinese := fetch(t, c.URL+path+"?lang=zh", nil); strings.Contains(chinese.text, ">"+title+"</a>") {
			t.Errorf("%s: the link %s is English on a Chinese page", path, title)
		}
	}
}
