// The sliders: what is moved is told to the application, and what the application says is shown.

const form = document.getElementById('knobs');

const told = document.getElementById('told');

const units = { ordersPerSecond: '', paymentMillis: ' ms' };

function show() {
  for (const [name, unit] of Object.entries(units)) {
    form.querySelector(`output[for=${name}]`).textContent = form.elements[name].value + unit;
  }
}

async function ask(init) {
  try {
    const response = await fetch('knobs', init);
    const answer = await response.json();
    told.textContent = response.ok ? '' : answer.detail;
    return response.ok ? answer : null;
  } catch {
    told.textContent = 'The application does not answer.';
    return null;
  }
}

form.addEventListener('input', show);

form.addEventListener('change', () => ask({
  method: 'PUT',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    ordersPerSecond: Number(form.elements.ordersPerSecond.value),
    paymentMillis: Number(form.elements.paymentMillis.value),
    bank: form.elements.bank.value
  })
}));

const setting = await ask();
if (setting) {
  for (const [name, value] of Object.entries(setting)) {
    form.elements[name].value = value;
  }
}
show();
