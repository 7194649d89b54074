// A link of `chirp-worker token new` carries its token behind #, which no browser sends: taken into the form, and out of
// the address. It isn't sent by itself, so that no link logs anybody in as somebody else unasked.
"use strict";
const take = () => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  const field = document.getElementById("token");
  field.value = token;
  document.querySelector("[data-without-link]").hidden = true;
  document.querySelector("[data-with-link]").hidden = false;
  field.form.querySelector("button").focus();
};
document.addEventListener("DOMContentLoaded", take);
window.addEventListener("hashchange", take);
