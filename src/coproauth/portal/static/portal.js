// Adds a button that shows what is typed to each password field. Every page works without it.
for (const box of document.querySelectorAll(".password")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.setAttribute("aria-controls", input.id);
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-pressed", String(shown));
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false));
  show(false);
  box.append(button);
}

// A menu that is open closes on Escape and on a click beside it.
for (const menu of document.querySelectorAll("details.account")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

// A second click before the answer sends nothing: it would be told that the first has used the code or the link. After
// some seconds a form may be sent again, for whoever stopped the browser, or came back to the page.
const PAUSE = 5000; // milliseconds
for (const form of document.querySelectorAll("form")) {
  let sentAt = -PAUSE;
  form.addEventListener("submit", (event) => {
    if (event.timeStamp - sentAt < PAUSE) event.preventDefault();
    else sentAt = event.timeStamp;
  });
}
