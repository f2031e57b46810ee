// The page has times in UTC, which are shown without JavaScript. Replace them by times in the browser's zone.
for (const time of document.querySelectorAll("time:not([data-whole])")) {
  const moment = new Date(time.dateTime);
  time.title = time.textContent;
  time.textContent = moment.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
